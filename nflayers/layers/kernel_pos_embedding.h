#pragma once

#include <nfopt/nflayers/layers/nfn/feature_views.h>
#include <nfopt/nflayers/layers/nfn/parameter_list.h>
#include <torch/torch.h>

#include <memory>
#include <vector>

namespace nfopt {

/// Options of KernelPosEmbedding: `KernelPosEmbeddingOptions(space, 32).seed(7)`.
struct NFOPT_API KernelPosEmbeddingOptions {
  KernelPosEmbeddingOptions(WeightSpacePtr space, int64_t channels) : space_(std::move(space)), channels_(channels) {}

  TORCH_ARG(WeightSpacePtr, space);
  TORCH_ARG(int64_t, channels);
  TORCH_ARG(double, scale) = 0.17;  // standard deviation at the start; published: about 1 / sqrt(32)
  TORCH_ARG(uint64_t, seed) = 0;
};

/// A learned vector per position in a kernel, added to the features; gates and other fixed axes (`*`) are positions, too.
///
///   y_v[c, k, ..] = x_v[c, k, ..] + e_v[c, k]       k: index along the fixed axes of view v
///
/// Views without fixed axes longer than 1 stay as they are. A fixed axis that is a parent (`b@*head`) is no position:
/// layers permute it.
/// Shapes   x [P, B, C, shape...]  ->  the same
/// Parameters  pos.<view> [C, fixed sizes...] ~ N(0, scale^2)
/// Group    commutes with the layer group.
/// Paper    PosEmbConv of the code of arXiv:2402.05232, which knows kernels [H, W, in, out] only
class NFOPT_API KernelPosEmbeddingImpl : public torch::nn::Cloneable<KernelPosEmbeddingImpl> {
 public:
  explicit KernelPosEmbeddingImpl(KernelPosEmbeddingOptions options);

  void reset() override;
  /// Draws the parameters anew from the options' seed.
  void reset_parameters();
  void pretty_print(std::ostream& stream) const override;
  std::vector<at::Tensor> forward(const std::vector<at::Tensor>& x);

  KernelPosEmbeddingOptions options;

 private:
  std::shared_ptr<const FeatureViews> views_;
  std::vector<StoredParameter> stored_;
  std::vector<size_t> of_parameter_;  // the view of each
  ParameterList own_;
};
TORCH_MODULE(KernelPosEmbedding);

}  // namespace nfopt
