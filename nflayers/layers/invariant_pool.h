#pragma once

#include <ATen/core/Tensor.h>
#include <nfopt/nflayers/plan/plan.h>
#include <nfopt/nflayers/spec/export.h>

#include <memory>
#include <vector>

namespace nfopt {

/// Averages every view of a weight space over its axes and joins the results.
///
///   y[p, b] = concat over views v of  mean over all axes of x_v[p, b]
///
/// Shapes   x [P, B, C, shape...] per tensor  ->  y [P, B, sum over v of C * F_v], in view order; channel c of view v
/// at
///          folded index f is c * F_v + f within the view's part
/// Group    invariant under the layer group of the space and fold.
/// Errors   Error("layer", ..) for a wrong number of tensors.
/// Cost     one read of every x.
/// Paper    arXiv:2402.05232; arXiv:2302.14040, invariant layer.
class NFOPT_API InvariantPool {
 public:
  explicit InvariantPool(const WeightSpace& space, const Fold& fold = Fold::fixed());

  /// Output channels per feature channel: the sum of F over the views.
  int64_t width() const { return plan_->bias_channels; }
  at::Tensor operator()(const std::vector<at::Tensor>& x) const;

 private:
  std::shared_ptr<const Plan> plan_;  // without terms: the views are all that is needed
};

}  // namespace nfopt
