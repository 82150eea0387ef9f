#pragma once

#include <nfopt/nflayers/layers/nfn/feature_views.h>
#include <nfopt/nflayers/layers/nfn/parameter_list.h>
#include <torch/torch.h>

#include <memory>
#include <vector>

namespace nfopt {

/// Options of LearnedScale: `LearnedScaleOptions(space, 0.1)`.
struct NFOPT_API LearnedScaleOptions {
  LearnedScaleOptions(WeightSpacePtr space, double init_scale) : space_(std::move(space)), init_scale_(init_scale) {}

  TORCH_ARG(WeightSpacePtr, space);
  TORCH_ARG(double, init_scale);
};

/// One learned factor per view.
///
///   y_v = s_v x_v
///
/// Shapes   x [P, B, C, shape...] -> the same
/// Parameters  weight_scales.i and bias_scales.i [] on a feed-forward network, scales.<view> [] elsewhere; all start at
///          init_scale
/// Group    commutes with the layer group. A factor per view, not per tensor, since stacked tensors are permuted.
/// Paper    nfn 0.1.2
class NFOPT_API LearnedScaleImpl : public torch::nn::Cloneable<LearnedScaleImpl> {
 public:
  explicit LearnedScaleImpl(LearnedScaleOptions options);

  void reset() override;
  void pretty_print(std::ostream& stream) const override;
  std::vector<at::Tensor> forward(const std::vector<at::Tensor>& x);

  LearnedScaleOptions options;

 private:
  std::shared_ptr<const FeatureViews> views_;
  ParameterList scales_;
};
TORCH_MODULE(LearnedScale);

}  // namespace nfopt
