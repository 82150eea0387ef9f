#include <nfopt/nflayers/kernels/aten/weight_space_linear.h>
#include <nfopt/nflayers/layers/unf_linear_map.h>
#include <nfopt/nflayers/random/tensor_random.h>
#include <nfopt/nflayers/spec/error.h>
#include <torch/torch.h>

#include <cmath>
#include <sstream>
#include <utility>

namespace nfopt {
namespace {

const Plan& checked(const Plan& plan, int64_t in_channels, int64_t out_channels) {
  if (in_channels < 1 || out_channels < 1)
    throw Error("layer", "a linear layer needs at least one channel: received " + std::to_string(in_channels) +
                             " input and " + std::to_string(out_channels) + " output channels.");
  return plan;
}

void check_parameters(const std::vector<StoredParameter>& expected, const std::vector<at::Tensor>& received) {
  if (expected.size() != received.size())
    throw Error("layer", "expected " + std::to_string(expected.size()) +
                             " parameters (thetas, then biases), received " + std::to_string(received.size()) + ".");
  std::ostringstream problems;
  for (size_t i = 0; i < expected.size(); ++i) {
    const at::Tensor& t = received[i];
    if (t.defined() && t.dim() > 0 && t.sizes().slice(1) == at::IntArrayRef(expected[i].shape)) continue;
    std::ostringstream shape;
    for (int64_t size : expected[i].shape) shape << ", " << size;
    problems << "\n       '" << expected[i].name << "': expected [P|1" << shape.str() << "], received ";
    if (t.defined())
      problems << t.sizes();
    else
      problems << "an undefined tensor";
  }
  if (problems.tellp() > 0) throw Error("layer", "parameters of the wrong shape:" + problems.str());
}

}  // namespace

UnfLinearMap::UnfLinearMap(const WeightSpace& space, const Fold& fold, int64_t in_channels, int64_t out_channels)
    : UnfLinearMap(std::make_shared<const Plan>(build_plan(space, fold)), in_channels, out_channels) {}

UnfLinearMap::UnfLinearMap(std::shared_ptr<const Plan> plan, int64_t in_channels, int64_t out_channels)
    : UnfLinearMap(plan, in_channels, out_channels,
                   unf_layout(checked(*plan, in_channels, out_channels), in_channels, out_channels)) {}

UnfLinearMap::UnfLinearMap(std::shared_ptr<const Plan> plan, int64_t in_channels, int64_t out_channels,
                           CoefficientLayout layout)
    : plan_(std::move(plan)),
      in_channels_(in_channels),
      out_channels_(out_channels),
      layout_(std::move(layout)),
      map_(layout_.map) {
  layout_.map = {};  // the map holds it now; for wide layers it is large
}

Coefficients UnfLinearMap::coefficients(const std::vector<at::Tensor>& parameters) const {
  check_parameters(layout_.parameters, parameters);
  return {map_(parameters), in_channels_, out_channels_};
}

std::vector<at::Tensor> UnfLinearMap::operator()(const Coefficients& m, const std::vector<at::Tensor>& x) const {
  return weight_space_linear(plan_, m, x);
}

std::vector<at::Tensor> UnfLinearMap::initial_parameters(const Rng& rng, double gain) const {
  std::vector<at::Tensor> result;
  for (const StoredParameter& parameter : layout_.parameters) {
    std::vector<int64_t> shape = {1};
    shape.insert(shape.end(), parameter.shape.begin(), parameter.shape.end());
    result.push_back(at::zeros(shape, at::kDouble));
    const bool theta = parameter.shape.size() == 3;
    if (!theta || gain == 0 || parameter.shape[0] == 0) continue;
    const double fan_in = static_cast<double>(parameter.shape[1] * parameter.shape[0]);
    fill_normal(result.back(), rng.purpose(parameter.name), 0.0, std::sqrt(gain / fan_in));
  }
  return result;
}

}  // namespace nfopt
