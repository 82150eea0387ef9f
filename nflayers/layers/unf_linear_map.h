#pragma once

#include <ATen/core/Tensor.h>
#include <nfopt/nflayers/kernels/aten/coefficient_map.h>
#include <nfopt/nflayers/kernels/aten/executor.h>
#include <nfopt/nflayers/plan/coefficients.h>
#include <nfopt/nflayers/plan/plan.h>
#include <nfopt/nflayers/random/rng.h>

#include <memory>
#include <vector>

namespace nfopt {

/// The equivariant linear layer of Universal Neural Functionals as a pure function of its parameters.
///
///   y_v = bias_v + sum over views w, partitions P of  E_P(x_w) theta_v[P]
///
/// Shapes   theta.<view> [P|1, rows, C_in, C_out * F]   bias.<view> [P|1, C_out * F]   (see unf_layout)
///          x  [P, B, C_in, shape...]  ->  y  [P, B, C_out, shape...]   one per tensor of the space
/// Group    commutes with the layer group of the space (labels and ordered labels); spans all such maps.
/// Errors   Error("layer", ..) lists every tensor whose shape, dtype or device does not fit.
/// Cost     each element is read and written a few times, whatever the number of terms (docs/engine.md).
/// Paper    arXiv:2402.05232, Theorem 3.3; init of the published code.
/// [any-thread] immutable.
class NFOPT_API UnfLinearMap {
 public:
  UnfLinearMap(const WeightSpace& space, const Fold& fold, int64_t in_channels, int64_t out_channels);
  /// Shares a plan with other layers over the same space and fold.
  UnfLinearMap(std::shared_ptr<const Plan> plan, int64_t in_channels, int64_t out_channels);

  /// Thetas of all views, then biases of all views; shapes without P.
  const std::vector<StoredParameter>& parameters() const { return layout_.parameters; }
  const std::shared_ptr<const Plan>& plan() const { return plan_; }
  int64_t in_channels() const { return in_channels_; }
  int64_t out_channels() const { return out_channels_; }

  /// Parameters in the order of parameters(), [P|1, ...] each, as the engine reads them. Differentiable. Within an
  /// unroll the parameters stay the same: do this once and apply the result many times.
  Coefficients coefficients(const std::vector<at::Tensor>& parameters) const;

  std::vector<at::Tensor> operator()(const Coefficients& m, const std::vector<at::Tensor>& x) const;
  std::vector<at::Tensor> operator()(const std::vector<at::Tensor>& parameters,
                                     const std::vector<at::Tensor>& x) const {
    return (*this)(coefficients(parameters), x);
  }

  /// theta ~ N(0, gain / (C_in * rows)), bias 0; [1, ...] each, float64 on the CPU. Parameter k draws from
  /// rng.purpose(name). Published gains: 1 ("lecun", the default), 2 ("he", the optimizer library), 0.
  std::vector<at::Tensor> initial_parameters(const Rng& rng, double gain = 1.0) const;

 protected:
  UnfLinearMap(std::shared_ptr<const Plan> plan, int64_t in_channels, int64_t out_channels, CoefficientLayout layout);

 private:
  std::shared_ptr<const Plan> plan_;
  int64_t in_channels_;
  int64_t out_channels_;
  CoefficientLayout layout_;
  CoefficientMap map_;
};

}  // namespace nfopt
