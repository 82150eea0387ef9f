#pragma once

#include <nfopt/nflayers/layers/nfn/flatten_weights.h>
#include <nfopt/nflayers/layers/nfn/parameter_list.h>
#include <torch/torch.h>

#include <vector>

namespace nfopt {

/// Options of CrossAttnEncoder: `CrossAttnEncoderOptions(space, 16, 32)`.
struct NFOPT_API CrossAttnEncoderOptions {
  CrossAttnEncoderOptions(WeightSpacePtr space, int64_t channels, int64_t num_latents)
      : space_(std::move(space)), channels_(channels), num_latents_(num_latents) {}

  TORCH_ARG(WeightSpacePtr, space);
  TORCH_ARG(int64_t, channels);
  TORCH_ARG(int64_t, num_latents);
  TORCH_ARG(uint64_t, seed) = 0;
};

/// Learned queries attend to all entries of a network: a fixed number of latent vectors for any weight space.
///
///   T = FlattenWeights(x) [P, B, N, C],   z = softmax(embeddings T^T / sqrt(C)) T
///
/// Shapes   x [P, B, C, shape...] per tensor  ->  z [P, B, num_latents, C]
/// Parameters  embeddings [num_latents, C], normal with standard deviation 1
/// Group    invariant under every permutation of entries, the layer group among them.
/// Paper    arXiv:2305.13546 (INR2Array), nfn 0.1.2
class NFOPT_API CrossAttnEncoderImpl : public torch::nn::Cloneable<CrossAttnEncoderImpl> {
 public:
  explicit CrossAttnEncoderImpl(CrossAttnEncoderOptions options);
  void reset() override;
  void reset_parameters();
  void pretty_print(std::ostream& stream) const override;
  at::Tensor forward(const std::vector<at::Tensor>& x);

  CrossAttnEncoderOptions options;

 private:
  FlattenWeights flatten_;  // without parameters: no child
  ParameterList embeddings_;
};
TORCH_MODULE(CrossAttnEncoder);

/// Options of CrossAttnDecoder: `CrossAttnDecoderOptions(space, 16)`. `num_params`: learned tokens, 0 for as many as the
/// space has entries.
struct NFOPT_API CrossAttnDecoderOptions {
  CrossAttnDecoderOptions(WeightSpacePtr space, int64_t channels) : space_(std::move(space)), channels_(channels) {}

  TORCH_ARG(WeightSpacePtr, space);
  TORCH_ARG(int64_t, channels);
  TORCH_ARG(int64_t, num_params) = 0;
  TORCH_ARG(uint64_t, seed) = 0;
};

/// One learned query per entry of a network attends to latent vectors.
///
///   y = UnflattenWeights(softmax(embeddings z^T / sqrt(C)) z)
///
/// Shapes   z [P, B, K, C]  ->  y [P, B, C, shape...] per tensor
/// Parameters  embeddings [num_params, C], normal with standard deviation 1
/// Group    invariant under permutations of the latents; the network it writes has one fixed order of units.
/// Paper    arXiv:2305.13546 (INR2Array), nfn 0.1.2
class NFOPT_API CrossAttnDecoderImpl : public torch::nn::Cloneable<CrossAttnDecoderImpl> {
 public:
  explicit CrossAttnDecoderImpl(CrossAttnDecoderOptions options);
  void reset() override;
  void reset_parameters();
  void pretty_print(std::ostream& stream) const override;
  std::vector<at::Tensor> forward(const at::Tensor& z);

  CrossAttnDecoderOptions options;

 private:
  UnflattenWeights unflatten_;  // without parameters: no child
  ParameterList embeddings_;
};
TORCH_MODULE(CrossAttnDecoder);

}  // namespace nfopt
