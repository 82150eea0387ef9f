#pragma once

#include <nfopt/nflayers/layers/nfn/affine_layer.h>
#include <torch/torch.h>

#include <vector>

namespace nfopt {

/// Options of HNPLinear: `HNPLinearOptions(space, 1, 32).seed(7)`.
struct NFOPT_API HNPLinearOptions {
  HNPLinearOptions(WeightSpacePtr space, int64_t in_channels, int64_t out_channels)
      : space_(std::move(space)), in_channels_(in_channels), out_channels_(out_channels) {}

  TORCH_ARG(WeightSpacePtr, space);
  TORCH_ARG(int64_t, in_channels);
  TORCH_ARG(int64_t, out_channels);
  TORCH_ARG(uint64_t, seed) = 0;
};

/// The HNP layer of Neural Functional Networks: only hidden units are permutable. Ordered axes (`~`: inputs, classes,
/// pixels, tokens) are folded into the channels, so that every index has coefficients of its own.
///
/// Shapes   x [P, B, C_in, shape...]  ->  [P, B, C_out, shape...], one per tensor of the space
/// Any weight space: one affine map per output half of the plan with Fold::all() (hnp_layout). On a feed-forward network
///          of two or more layers it stores what nfn 0.1.2 stores, redundant means included, and like it does not show
///          the last weight the bias before it row by row.
/// Group    commutes with the permutations of plain labels.
/// Cost     parameters grow with C_in * C_out * F^2, F the sum of the folded sizes: for small inputs and outputs.
/// Paper    arXiv:2302.14040, nfn 0.1.2: a state dict of nfn's HNPLinear fits.
class NFOPT_API HNPLinearImpl : public torch::nn::Cloneable<HNPLinearImpl> {
 public:
  explicit HNPLinearImpl(HNPLinearOptions options);

  void reset() override;
  /// Draws the parameters anew from the options' seed.
  void reset_parameters();
  void pretty_print(std::ostream& stream) const override;
  std::vector<at::Tensor> forward(const std::vector<at::Tensor>& x);

  HNPLinearOptions options;

 private:
  AffineLayer layer_;
};
TORCH_MODULE(HNPLinear);

}  // namespace nfopt
