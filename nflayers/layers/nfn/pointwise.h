#pragma once

#include <nfopt/nflayers/layers/nfn/affine_layer.h>
#include <torch/torch.h>

#include <vector>

namespace nfopt {

/// Options of Pointwise: `PointwiseOptions(space, 1, 32).seed(7)`.
struct NFOPT_API PointwiseOptions {
  PointwiseOptions(WeightSpacePtr space, int64_t in_channels, int64_t out_channels)
      : space_(std::move(space)), in_channels_(in_channels), out_channels_(out_channels) {}

  TORCH_ARG(WeightSpacePtr, space);
  TORCH_ARG(int64_t, in_channels);
  TORCH_ARG(int64_t, out_channels);
  TORCH_ARG(uint64_t, seed) = 0;
};

/// One affine map over the (folded) channels of each view, entry by entry.
///
///   y_v = W_v x_v + c_v         W_v [C_out * F_v, C_in * F_v]
///
/// Shapes   x [P, B, C_in, shape...]  ->  [P, B, C_out, shape...], one per tensor of the space
/// Parameters  weight_maps.i [f_i C_out, f_i C_in, 1, 1] and bias_maps.i [C_out, C_in, 1] on a feed-forward network,
///          maps.<view> elsewhere, each .weight and .bias
/// Group    commutes with the layer group of the space.
/// Paper    arXiv:2302.14040 (the pointwise baseline).
class NFOPT_API PointwiseImpl : public torch::nn::Cloneable<PointwiseImpl> {
 public:
  explicit PointwiseImpl(PointwiseOptions options);

  void reset() override;
  void reset_parameters();
  void pretty_print(std::ostream& stream) const override;
  std::vector<at::Tensor> forward(const std::vector<at::Tensor>& x);

  PointwiseOptions options;

 private:
  AffineLayer layer_;
};
TORCH_MODULE(Pointwise);

}  // namespace nfopt
