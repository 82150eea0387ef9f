#include <nfopt/nflayers/layers/unf_linear_map.h>
#include <nfopt/nflayers/random/tensor_random.h>
#include <nfopt/nflayers/spec/error.h>
#include <torch/torch.h>

#include <cmath>
#include <utility>

namespace nfopt {
namespace {

const Plan& checked(const Plan& plan, int64_t in_channels, int64_t out_channels) {
  if (in_channels < 1 || out_channels < 1)
    throw Error("layer", "a linear layer needs at least one channel: received " + std::to_string(in_channels) +
                             " input and " + std::to_string(out_channels) + " output channels.");
  return plan;
}

}  // namespace

UnfLinearMap::UnfLinearMap(const WeightSpace& space, const Fold& fold, int64_t in_channels, int64_t out_channels)
    : UnfLinearMap(std::make_shared<const Plan>(build_plan(space, fold)), in_channels, out_channels) {}

UnfLinearMap::UnfLinearMap(std::shared_ptr<const Plan> plan, int64_t in_channels, int64_t out_channels)
    : LayoutLinearMap(plan, in_channels, out_channels,
                      unf_block_layout(checked(*plan, in_channels, out_channels), in_channels, out_channels)) {}

std::vector<at::Tensor> UnfLinearMap::initial_parameters(const Rng& rng, double gain) const {
  std::vector<at::Tensor> result;
  for (const StoredParameter& parameter : parameters()) {
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
