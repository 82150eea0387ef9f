#pragma once

#include <ATen/core/Tensor.h>
#include <nfopt/nflayers/layers/layout_linear_map.h>
#include <nfopt/nflayers/random/rng.h>

#include <memory>
#include <utility>
#include <vector>

namespace nfopt {

/// The equivariant linear layer of Universal Neural Functionals as a pure function of its parameters.
///
///   y_v = bias_v + sum over views w, partitions P of  E_P(x_w) theta_v[P]
///
/// Shapes   theta.<view> [P|1, rows, C_in, C_out * F]   bias.<view> [P|1, C_out * F], thetas first (see unf_layout)
///          x  [P, B, C_in, shape...]  ->  y  [P, B, C_out, shape...]   one per tensor of the space
/// Group    commutes with the layer group of the space (labels and ordered labels); spans all such maps.
/// Errors   Error("layer", ..) lists every tensor whose shape, dtype or device does not fit.
/// Cost     each element is read and written a few times, whatever the number of terms (docs/engine.md).
/// Paper    arXiv:2402.05232, Theorem 3.3; init of the published code.
/// [any-thread] immutable.
class NFOPT_API UnfLinearMap : public LayoutLinearMap {
 public:
  UnfLinearMap(const WeightSpace& space, const Fold& fold, int64_t in_channels, int64_t out_channels);
  /// Shares a plan with other layers over the same space and fold.
  UnfLinearMap(std::shared_ptr<const Plan> plan, int64_t in_channels, int64_t out_channels);

  /// theta ~ N(0, gain / (C_in * rows)), bias 0; [1, ...] each, float64 on the CPU. Parameter k draws from
  /// rng.purpose(name). Published gains: 1 ("lecun", the default), 2 ("he", the optimizer library), 0.
  std::vector<at::Tensor> initial_parameters(const Rng& rng, double gain = 1.0) const;

 protected:
  UnfLinearMap(std::shared_ptr<const Plan> plan, int64_t in_channels, int64_t out_channels,
               const CoefficientLayout& layout)
      : LayoutLinearMap(std::move(plan), in_channels, out_channels, layout) {}
};

}  // namespace nfopt
