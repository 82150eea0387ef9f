#pragma once

#include <nfopt/nflayers/layers/nfn/feature_views.h>
#include <nfopt/nflayers/layers/nfn/parameter_list.h>
#include <torch/torch.h>

#include <memory>
#include <vector>

namespace nfopt {

/// Options of SimpleLayerNorm: `SimpleLayerNormOptions(space, 32)`.
struct NFOPT_API SimpleLayerNormOptions {
  SimpleLayerNormOptions(WeightSpacePtr space, int64_t channels) : space_(std::move(space)), channels_(channels) {}
  TORCH_ARG(WeightSpacePtr, space);
  TORCH_ARG(int64_t, channels);
};

/// ChannelLayerNorm (eps 1e-5) of every view over all its C * F_v folded channels, entry by entry.
///
/// Shapes   x [P, B, C, shape...] -> the same
/// Parameters  w_norms.i and v_norms.i on a feed-forward network, norms.<view> elsewhere, each .gamma [C * F_v] = 1 and
///          .beta [C * F_v] = 0
/// Group    commutes with the layer group.
/// Paper    arXiv:2305.13546, nfn 0.1.2
class NFOPT_API SimpleLayerNormImpl : public torch::nn::Cloneable<SimpleLayerNormImpl> {
 public:
  explicit SimpleLayerNormImpl(SimpleLayerNormOptions options);
  void reset() override;
  void pretty_print(std::ostream& stream) const override;
  std::vector<at::Tensor> forward(const std::vector<at::Tensor>& x);

  SimpleLayerNormOptions options;

 private:
  std::shared_ptr<const FeatureViews> views_;
  ParameterList own_;
};
TORCH_MODULE(SimpleLayerNorm);

}  // namespace nfopt
