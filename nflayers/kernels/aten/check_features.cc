#include <nfopt/nflayers/kernels/aten/check_features.h>
#include <nfopt/nflayers/spec/error.h>
#include <torch/types.h>

#include <sstream>

namespace nfopt::aten {
namespace {

bool fits(const at::Tensor& x, const PlanTensor& tensor, int64_t members, int64_t batch, int64_t channels) {
  if (!x.defined() || x.dim() != static_cast<int64_t>(tensor.shape.size()) + 3) return false;
  if (x.size(0) != members || x.size(1) != batch || x.size(2) != channels) return false;
  return x.sizes().slice(3) == at::IntArrayRef(tensor.shape);
}

std::string describe(const at::Tensor& x) {
  if (!x.defined()) return "an undefined tensor";
  std::ostringstream text;
  text << x.dtype().name() << ' ' << x.sizes() << " on " << x.device();
  return text.str();
}

}  // namespace

void check_features(const Plan& plan, const Coefficients& m, const std::vector<at::Tensor>& features,
                    int64_t channels) {
  if (features.size() != plan.tensors.size())
    throw Error("layer", "expected one feature tensor per tensor of the weight space, " +
                             std::to_string(plan.tensors.size()) + ", received " + std::to_string(features.size()) +
                             ". Give buffers too, in the space's order.");
  const int64_t total = CoefficientShape(plan, m.in_channels, m.out_channels).total();
  if (!m.values.defined() || m.values.dim() != 2 || m.values.size(1) != total)
    throw Error("layer",
                "expected coefficients [P|1, " + std::to_string(total) + "], received " + describe(m.values) + ".");
  if (features.empty()) return;
  // All tensors are measured against the first one with leading dimensions; P may be anything if coefficients are [1].
  const at::Tensor* first = nullptr;
  for (const at::Tensor& x : features)
    if (x.defined() && x.dim() >= 3 && !first) first = &x;
  const int64_t batch = first ? first->size(1) : 1;
  const int64_t members = m.values.size(0) > 1 || !first ? m.values.size(0) : first->size(0);
  std::ostringstream problems;
  for (size_t i = 0; i < features.size(); ++i) {
    const at::Tensor& x = features[i];
    const PlanTensor& tensor = plan.tensors[i];
    if (fits(x, tensor, members, batch, channels) && x.dtype() == m.values.dtype() && x.device() == m.values.device())
      continue;
    std::vector<int64_t> expected = {members, batch, channels};
    expected.insert(expected.end(), tensor.shape.begin(), tensor.shape.end());
    problems << "\n       '" << tensor.name << "': expected " << m.values.dtype().name() << ' '
             << at::IntArrayRef(expected) << " on " << m.values.device() << ", received " << describe(x);
  }
  if (problems.tellp() > 0)
    throw Error("layer", "features do not fit the weight space and the coefficients (P members, B networks, " +
                             std::to_string(channels) + " channels, then the tensor's axes):" + problems.str());
}

}  // namespace nfopt::aten
