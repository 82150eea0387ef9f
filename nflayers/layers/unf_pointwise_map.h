#pragma once

#include <nfopt/nflayers/layers/unf_linear_map.h>

#include <memory>
#include <vector>

namespace nfopt {

/// UnfLinearMap beside one dense map that every entry of every tensor shares.
///
///   y_v = UNF(x)_v + x_v w        w [P|1, C_in, C_out] is the last parameter, `pointwise.w`, without a bias of its own
///
/// Shapes, group, errors and cost are those of UnfLinearMap: w joins its coefficients.
class NFOPT_API UnfPointwiseMap : public UnfLinearMap {
 public:
  UnfPointwiseMap(const WeightSpace& space, const Fold& fold, int64_t in_channels, int64_t out_channels);
  UnfPointwiseMap(std::shared_ptr<const Plan> plan, int64_t in_channels, int64_t out_channels);

  /// The equivariant part starts at zero; w is normal with variance 1 / C_in, cut at two standard deviations.
  std::vector<at::Tensor> initial_parameters(const Rng& rng) const;
};

}  // namespace nfopt
