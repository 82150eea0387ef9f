#include <nfopt/nflayers/spec/error.h>
#include <nfopt/runtime/binding/binding.h>
#include <nfopt/runtime/optimizers/parameter_binding.h>
#include <torch/types.h>

#include <sstream>

namespace nfopt {
namespace {

std::string type_name(at::ScalarType type) {
  switch (type) {
    case at::kFloat:
      return "float32";
    case at::kDouble:
      return "float64";
    case at::kHalf:
      return "float16";
    case at::kBFloat16:
      return "bfloat16";
    default:
      return c10::toString(type);
  }
}

}  // namespace

std::string describe_tensor(at::ScalarType type, at::IntArrayRef shape, at::Device device) {
  std::ostringstream text;
  text << type_name(type) << " " << shape;
  if (!device.is_cpu()) text << " on " << device;
  return text.str();
}

void BoundParameter::remember() {
  shape = tensor.sizes().vec();
  type = tensor.scalar_type();
  device = tensor.device();
}

ParameterBinding bind_parameters(const WeightSpace& space,
                                 const std::vector<std::pair<std::string, at::Tensor>>& named) {
  BindOptions exact;
  exact.prefix = "";
  // Not owned: the binding does not outlive this function.
  const Binding match = nfopt::bind(named, WeightSpacePtr(WeightSpacePtr(), &space), exact);

  ParameterBinding binding;
  const auto add = [](std::vector<BoundParameter>& list, const std::string& name, const at::Tensor& tensor) {
    BoundParameter& bound = list.emplace_back();
    bound.name = name;
    bound.tensor = tensor;
    bound.remember();
  };
  for (size_t i = 0; i < match.tensors.size(); ++i) add(binding.covered, space.tensors()[i].name, match.tensors[i]);
  for (const LiveTensor& live : match.extra) add(binding.uncovered, live.name, live.tensor);

  std::string problems;
  const BoundParameter& first = binding.covered.front();
  for (const BoundParameter& bound : binding.covered)
    if (bound.type != first.type || bound.device != first.device)
      problems += "\n  '" + bound.name + "' is " + describe_tensor(bound.type, bound.shape, bound.device) + ", '" +
                  first.name + "' is " + describe_tensor(first.type, first.shape, first.device) +
                  ": one type and device for all";
  if (!problems.empty()) throw Error("optimizer", "the parameters cannot be stepped together:" + problems);
  return binding;
}

void check_unchanged(const std::vector<BoundParameter>& parameters) {
  std::string problems;
  for (const BoundParameter& p : parameters) {
    if (p.tensor.scalar_type() == p.type && p.tensor.device() == p.device &&
        p.tensor.sizes() == at::IntArrayRef(p.shape))
      continue;
    problems += (problems.empty() ? "" : "\n  ") + ("'" + p.name + "' was ") +
                describe_tensor(p.type, p.shape, p.device) + " when its state was made and is " +
                describe_tensor(p.tensor.scalar_type(), p.tensor.sizes(), p.tensor.device()) + " now.";
  }
  if (!problems.empty())
    throw Error("optimizer", problems +
                                 "\nMove or convert the module before building the optimizer, or call "
                                 "rebind(module) after it.");
}

}  // namespace nfopt
