#pragma once

#include <nfopt/nflayers/spec/export.h>
#include <nfopt/nflayers/spec/weight_space.h>
#include <torch/torch.h>

#include <vector>

namespace nfopt {

/// Options of FlattenWeights and UnflattenWeights: `FlattenWeightsOptions(space)`.
struct NFOPT_API FlattenWeightsOptions {
  FlattenWeightsOptions(WeightSpacePtr space) : space_(std::move(space)) {}
  TORCH_ARG(WeightSpacePtr, space);
};

/// Entries of all tensors, buffers included.
NFOPT_API int64_t token_count(const WeightSpace& space);

/// A weight-space feature as a set of tokens, one per entry.
///
/// Shapes   x [P, B, C, shape...] per tensor  ->  [P, B, N, C]: tensors in order, entries row-major
/// Group    a permutation of the network permutes the tokens.
/// Paper    arXiv:2305.13546, nfn 0.1.2, which raises an error for kernels larger than 1x1
class NFOPT_API FlattenWeightsImpl : public torch::nn::Cloneable<FlattenWeightsImpl> {
 public:
  explicit FlattenWeightsImpl(FlattenWeightsOptions options);
  void reset() override {}
  void pretty_print(std::ostream& stream) const override { stream << "nfopt::FlattenWeights()"; }
  at::Tensor forward(const std::vector<at::Tensor>& x);

  FlattenWeightsOptions options;
};
TORCH_MODULE(FlattenWeights);

/// The inverse of FlattenWeights.
///
/// Shapes   x [P, B, >= N, C]  ->  [P, B, C, shape...] per tensor. Surplus tokens are ignored, as in nfn.
/// Errors   Error("layer", ..) for fewer than N tokens.
class NFOPT_API UnflattenWeightsImpl : public torch::nn::Cloneable<UnflattenWeightsImpl> {
 public:
  explicit UnflattenWeightsImpl(FlattenWeightsOptions options);
  void reset() override {}
  void pretty_print(std::ostream& stream) const override { stream << "nfopt::UnflattenWeights()"; }
  std::vector<at::Tensor> forward(const at::Tensor& x);

  FlattenWeightsOptions options;
};
TORCH_MODULE(UnflattenWeights);

}  // namespace nfopt
