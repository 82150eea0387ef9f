#pragma once

#include <ATen/core/Tensor.h>
#include <nfopt/nflayers/plan/plan.h>
#include <nfopt/nflayers/spec/export.h>

#include <memory>
#include <string>
#include <vector>

namespace nfopt {

/// Features of a weight space as its views, folded factors moved into the channels, and back
/// (`shape_wsfeat_symmetry` and `unshape_wsfeat_symmetry` of nfn, for every weight space and fold).
///
///   view v [P, B, C * F_v, axes...], channel c * F_v + f, f row-major over the folded factors
///
/// Shapes   x [P, B, C, shape...] per tensor  <->  one tensor per view; C may differ between the two directions
/// Errors   Error("layer", ..) lists every tensor that does not fit
/// Cost     one copy of what is folded, stacked or cut; a view of the same memory otherwise
class NFOPT_API FeatureViews {
 public:
  FeatureViews(const WeightSpace& space, const Fold& fold);

  /// The views only: no terms.
  const Plan& plan() const { return *plan_; }
  const std::vector<PlanView>& views() const { return plan_->views; }

  std::vector<at::Tensor> fold(const std::vector<at::Tensor>& x) const;
  std::vector<at::Tensor> unfold(const std::vector<at::Tensor>& views) const;

  /// View v as [P, B, C, folded factors..., axes...], the channels apart from the folded factors.
  at::Tensor split_channels(size_t v, const at::Tensor& view) const;
  at::Tensor join_channels(size_t v, const at::Tensor& split) const;

 private:
  std::shared_ptr<const Plan> plan_;
};

/// Throws Error("layer", ..) unless there is a weight space.
NFOPT_API const WeightSpace& required_space(const WeightSpacePtr& space, const char* layer);

}  // namespace nfopt
