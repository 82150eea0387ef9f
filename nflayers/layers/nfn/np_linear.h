#pragma once

#include <nfopt/nflayers/layers/nfn/affine_layer.h>
#include <nfopt/nflayers/layers/nfn/io_embed.h>
#include <torch/torch.h>

#include <vector>

namespace nfopt {

/// Options of NPLinear: `NPLinearOptions(space, 1, 32).io_embed(true)`.
struct NFOPT_API NPLinearOptions {
  NPLinearOptions(WeightSpacePtr space, int64_t in_channels, int64_t out_channels)
      : space_(std::move(space)), in_channels_(in_channels), out_channels_(out_channels) {}

  TORCH_ARG(WeightSpacePtr, space);
  TORCH_ARG(int64_t, in_channels);
  TORCH_ARG(int64_t, out_channels);
  TORCH_ARG(bool, io_embed) = false;
  TORCH_ARG(InitType, init_type) = InitType::pytorch_default;
  TORCH_ARG(uint64_t, seed) = 0;
};

/// The NP layer of Neural Functional Networks: input and output axes are permutable like hidden ones.
///
///   X'_i[r, j] = A(layer_i; X_i)[r, j] + A(layer_i_rc; G) + A(layer_i_r; rowctx_i)[j] + A(layer_i_c; colctx_i)[r]
///   b'_i[r]    = A(bias_i; colctx_i)[r] + A(bias_i_rc; G)
///   G = all means,  rowctx_i = (R_i, K_{i-1}, b_{i-1}),  colctx_i = (K_i, b_i, R_{i+1})     R, K: row, column means
///
/// Shapes   x [P, B, C_in, shape...]  ->  [P, B, C_out, shape...], one per tensor of the space; P and B are batches
/// Any weight space: one affine map per output half of the plan, from everything with its signature (np_layout). It
///          spans all maps that commute with the layer group, as UnfLinear does; only what is stored differs.
/// Group    commutes with the layer group of the space; with io_embed with the permutations of plain labels only.
/// Cost     docs/engine.md.
/// Paper    arXiv:2302.14040, nfn 0.1.2: a state dict of nfn's NPLinear fits.
class NFOPT_API NPLinearImpl : public torch::nn::Cloneable<NPLinearImpl> {
 public:
  explicit NPLinearImpl(NPLinearOptions options);

  void reset() override;
  /// Draws the parameters anew from the options' seed.
  void reset_parameters();
  void pretty_print(std::ostream& stream) const override;
  std::vector<at::Tensor> forward(const std::vector<at::Tensor>& x);

  NPLinearOptions options;

 private:
  AffineLayer layer_;
  IoEmbed embed_;
  ParameterList embeddings_;
};
TORCH_MODULE(NPLinear);

}  // namespace nfopt
