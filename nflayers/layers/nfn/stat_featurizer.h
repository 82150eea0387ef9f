#pragma once

#include <nfopt/nflayers/layers/nfn/feature_views.h>
#include <torch/torch.h>

#include <memory>
#include <vector>

namespace nfopt {

/// Options of StatFeaturizer: `StatFeaturizerOptions(space)`.
struct NFOPT_API StatFeaturizerOptions {
  StatFeaturizerOptions(WeightSpacePtr space) : space_(std::move(space)) {}
  TORCH_ARG(WeightSpacePtr, space);
};

/// Seven numbers about the distribution of the entries of every view: mean, variance (divisor n - 1), and the quantiles
/// 0, 1/4, 1/2, 3/4, 1 (linear between neighbours). Kernel positions and gates count as entries.
///
/// Shapes   x [P, B, C, shape...] per tensor  ->  [P, B, C, 7 * views], views in order
/// Group    invariant under every permutation of entries within a view, the layer group among them.
/// Note     the variance of a view of one entry is NaN, as in nfn.
/// Cost     one sort per view.
/// Paper    arXiv:2002.11448 (Unterthiner et al.); nfn 0.1.2
class NFOPT_API StatFeaturizerImpl : public torch::nn::Cloneable<StatFeaturizerImpl> {
 public:
  explicit StatFeaturizerImpl(StatFeaturizerOptions options);

  void reset() override {}
  void pretty_print(std::ostream& stream) const override;
  at::Tensor forward(const std::vector<at::Tensor>& x);
  int64_t num_outs() const { return 7 * static_cast<int64_t>(views_->views().size()); }
  static int64_t get_num_outs(const WeightSpacePtr& space) {
    return StatFeaturizerImpl(StatFeaturizerOptions(space)).num_outs();
  }

  StatFeaturizerOptions options;

 private:
  std::shared_ptr<const FeatureViews> views_;
};
TORCH_MODULE(StatFeaturizer);

}  // namespace nfopt
