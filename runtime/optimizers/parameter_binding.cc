#include <nfopt/nflayers/spec/error.h>
#include <nfopt/nflayers/spec/near_names.h>
#include <nfopt/runtime/optimizers/parameter_binding.h>
#include <torch/torch.h>

#include <algorithm>
#include <sstream>
#include <unordered_map>
#include <unordered_set>

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
  std::unordered_map<std::string, at::Tensor> by_name;
  std::vector<std::string> names;
  for (const auto& [name, tensor] : named) {
    if (!by_name.emplace(name, tensor).second) throw Error("optimizer", "two parameters are named '" + name + "'.");
    names.push_back(name);
  }

  std::string problems;
  ParameterBinding binding;
  std::unordered_set<const void*> taken;
  for (const Tensor& expected : space.tensors()) {
    const auto found = by_name.find(expected.name);
    if (found == by_name.end()) {
      problems += "\n  '" + expected.name + "' is missing.";
      if (const auto near = near_names(expected.name, names); !near.empty())
        problems += " Did you mean '" + near.front() + "'?";
      continue;
    }
    const at::Tensor& tensor = found->second;
    if (tensor.sizes() != at::IntArrayRef(expected.shape)) {
      std::ostringstream text;
      text << "\n  '" << expected.name << "': expected " << at::IntArrayRef(expected.shape) << ", received "
           << tensor.sizes();
      problems += text.str();
    }
    if (!tensor.is_floating_point()) problems += "\n  '" + expected.name + "' is not of a floating-point type";
    if (!taken.insert(tensor.unsafeGetTensorImpl()).second)
      problems += "\n  '" + expected.name + "' is the same tensor as another one of the space: declare it `tied`";
    for (const std::string& copy : expected.tied) {
      const auto tied = by_name.find(copy);
      if (tied != by_name.end() && !tied->second.is_same(tensor) && !tied->second.is_alias_of(tensor))
        problems += "\n  '" + copy + "' is declared tied to '" + expected.name + "' and has storage of its own";
      if (tied != by_name.end()) taken.insert(tied->second.unsafeGetTensorImpl());
    }
    BoundParameter& bound = binding.covered.emplace_back();
    bound.name = expected.name;
    bound.tensor = tensor;
    bound.remember();
  }
  for (const BoundParameter& bound : binding.covered)
    if (bound.type != binding.covered.front().type || bound.device != binding.covered.front().device)
      problems +=
          "\n  '" + bound.name + "' is " + describe_tensor(bound.type, bound.shape, bound.device) + ", '" +
          binding.covered.front().name + "' is " +
          describe_tensor(binding.covered.front().type, binding.covered.front().shape, binding.covered.front().device) +
          ": one type and device for all";
  if (!problems.empty()) throw Error("optimizer", "the parameters do not fit the weight space:" + problems);

  for (const auto& [name, tensor] : named) {
    if (!taken.insert(tensor.unsafeGetTensorImpl()).second) continue;
    BoundParameter& bound = binding.uncovered.emplace_back();
    bound.name = name;
    bound.tensor = tensor;
    bound.remember();
  }
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
