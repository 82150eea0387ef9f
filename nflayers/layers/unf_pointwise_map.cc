#include <nfopt/nflayers/layers/dense_init.h>
#include <nfopt/nflayers/layers/unf_pointwise_map.h>
#include <torch/torch.h>

#include <utility>

namespace nfopt {

UnfPointwiseMap::UnfPointwiseMap(const WeightSpace& space, const Fold& fold, int64_t in_channels, int64_t out_channels)
    : UnfPointwiseMap(std::make_shared<const Plan>(build_plan(space, fold)), in_channels, out_channels) {}

UnfPointwiseMap::UnfPointwiseMap(std::shared_ptr<const Plan> plan, int64_t in_channels, int64_t out_channels)
    : UnfLinearMap(plan, in_channels, out_channels, unf_pointwise_layout(*plan, in_channels, out_channels)) {}

std::vector<at::Tensor> UnfPointwiseMap::initial_parameters(const Rng& rng) const {
  std::vector<at::Tensor> result = UnfLinearMap::initial_parameters(rng, 0.0);
  fill_dense_weight(result.back(), rng.purpose(parameters().back().name), in_channels());
  return result;
}

}  // namespace nfopt
