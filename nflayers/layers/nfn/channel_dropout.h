#pragma once

#include <nfopt/nflayers/layers/nfn/feature_views.h>
#include <nfopt/nflayers/random/rng.h>
#include <torch/torch.h>

#include <memory>
#include <vector>

namespace nfopt {

/// Options of ChannelDropout: `ChannelDropoutOptions(space, 0.1).seed(7)`.
struct NFOPT_API ChannelDropoutOptions {
  ChannelDropoutOptions(WeightSpacePtr space, double dropout) : space_(std::move(space)), dropout_(dropout) {}

  TORCH_ARG(WeightSpacePtr, space);
  TORCH_ARG(double, dropout);
  TORCH_ARG(uint64_t, seed) = 0;
};

/// Dropout of channels. In training, with probability p, otherwise times 1/(1-p):
///   views of two or more axes (weights)   a whole folded channel (b, c * F + f)
///   other views (biases)                  a single entry
/// In evaluation the identity. nfn treats weights and biases so differently, too.
///
/// Shapes   x [P, B, C, shape...] -> the same
/// Group    commutes with the layer group in distribution: masks are drawn alike for every position.
/// Draws    depend on the seed and the number of training passes before, nothing else.
/// Paper    nfn 0.1.2
class NFOPT_API ChannelDropoutImpl : public torch::nn::Cloneable<ChannelDropoutImpl> {
 public:
  explicit ChannelDropoutImpl(ChannelDropoutOptions options);

  void reset() override {}
  void pretty_print(std::ostream& stream) const override;
  std::vector<at::Tensor> forward(const std::vector<at::Tensor>& x);

  ChannelDropoutOptions options;

 private:
  std::shared_ptr<const FeatureViews> views_;
  uint64_t passes_ = 0;
};
TORCH_MODULE(ChannelDropout);

}  // namespace nfopt
