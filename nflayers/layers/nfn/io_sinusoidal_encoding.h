#pragma once

#include <nfopt/nflayers/layers/nfn/feature_views.h>
#include <torch/torch.h>

#include <memory>
#include <vector>

namespace nfopt {

/// Options of IOSinusoidalEncoding: `IOSinusoidalEncodingOptions(space).num_bands(4)`.
struct NFOPT_API IOSinusoidalEncodingOptions {
  IOSinusoidalEncodingOptions(WeightSpacePtr space) : space_(std::move(space)) {}
  TORCH_ARG(WeightSpacePtr, space);
  TORCH_ARG(double, max_freq) = 10.0;
  TORCH_ARG(int64_t, num_bands) = 6;
  TORCH_ARG(bool, enc_layers) = true;
};

/// Appends a code of where an entry lies, so that ordered positions and layers can be told apart.
///
///   code = [enc_layers] E(L)[layer] + sum over the ordered axes (`~`) of the entry's view of  E(n)[index]
///   E(n) = fourier_encode of n points equally spaced on [-1, 1]           D = 2 * num_bands + 1 channels
///
/// Layers are those of a feed-forward network, elsewhere the blocks of the weight space in order of appearance (a
/// tensor without a block is one of its own).
///
/// Shapes   x [P, B, C, shape...]  ->  [P, B, C + D, shape...]
/// Group    commutes with the permutations of plain labels.
/// Paper    arXiv:2305.13546, nfn 0.1.2, which raises an error for a last layer with kernels
class NFOPT_API IOSinusoidalEncodingImpl : public torch::nn::Cloneable<IOSinusoidalEncodingImpl> {
 public:
  explicit IOSinusoidalEncodingImpl(IOSinusoidalEncodingOptions options);
  void reset() override {}
  void pretty_print(std::ostream& stream) const override;
  std::vector<at::Tensor> forward(const std::vector<at::Tensor>& x);
  int64_t num_out_chan(int64_t channels) const { return channels + 2 * options.num_bands() + 1; }

  IOSinusoidalEncodingOptions options;

 private:
  std::shared_ptr<const std::vector<at::Tensor>> codes_;  // [1, 1, D, shape...] per tensor, float64
};
TORCH_MODULE(IOSinusoidalEncoding);

}  // namespace nfopt
