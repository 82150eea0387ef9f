#pragma once

#include <nfopt/nflayers/layers/nfn/feature_views.h>
#include <torch/torch.h>

#include <memory>
#include <vector>

namespace nfopt {

/// Options of KernelEncoding: `KernelEncodingOptions(space).num_bands(2)`.
struct NFOPT_API KernelEncodingOptions {
  KernelEncodingOptions(WeightSpacePtr space) : space_(std::move(space)) {}

  TORCH_ARG(WeightSpacePtr, space);
  TORCH_ARG(double, max_freq) = 10.0;
  TORCH_ARG(int64_t, num_bands) = 2;
  TORCH_ARG(int64_t, axes) = 0;  // codes beside each other; 0: the most fixed axes that a view has. Set it for layers
                                 // that run on several architectures.
};

/// Where in its kernel an entry lies, as known features: the coordinate along every fixed axis (`*`: kernel rows and
/// columns, gates) as further channels.
///
///   y_v = [x_v ; code(k_1) ; code(k_2) ; ..]       code(k) = fourier_encode of point k of n equally spaced on [-1, 1]
///
/// Coordinates mean the same for kernels of every size. Axes of length 1 have none, nor have views without fixed axes,
/// nor a fixed axis that is a parent (layers permute it): zeros stand there. KernelPosEmbedding is the learned variant.
/// Shapes   x [P, B, C, shape...]  ->  [P, B, C + axes * (2 * num_bands + 1), shape...]
/// Group    commutes with the layer group.
/// Errors   Error("layer", ..) for a view with more fixed axes than `axes`.
class NFOPT_API KernelEncodingImpl : public torch::nn::Cloneable<KernelEncodingImpl> {
 public:
  explicit KernelEncodingImpl(KernelEncodingOptions options);

  void reset() override {}
  void pretty_print(std::ostream& stream) const override;
  std::vector<at::Tensor> forward(const std::vector<at::Tensor>& x);
  int64_t num_out_chan(int64_t channels) const { return channels + options.axes() * (2 * options.num_bands() + 1); }

  KernelEncodingOptions options;

 private:
  std::shared_ptr<const FeatureViews> views_;
  std::vector<at::Tensor> codes_;  // per view [D * F], float64
};
TORCH_MODULE(KernelEncoding);

}  // namespace nfopt
