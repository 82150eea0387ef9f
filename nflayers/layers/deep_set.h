#pragma once

#include <nfopt/nflayers/layers/deep_set_map.h>
#include <torch/torch.h>

#include <vector>

namespace nfopt {

/// Options of DeepSetLinear: `DeepSetLinearOptions(8, 32).seed(7)`.
struct NFOPT_API DeepSetLinearOptions {
  DeepSetLinearOptions(int64_t in_channels, int64_t out_channels)
      : in_channels_(in_channels), out_channels_(out_channels) {}

  TORCH_ARG(int64_t, in_channels);
  TORCH_ARG(int64_t, out_channels);
  TORCH_ARG(uint64_t, seed) = 0;
};

/// deep_set_map as a module: equation, group and cost are written there. What UNF's paper calls "Deep Set" has no
/// pooling at all; this is the set baseline.
///
/// Shapes   x [P, B, C_in, shape...]  ->  [P, B, C_out, shape...], for any list of tensors
/// Parameters  theta [2, C_in, C_out] ~ N(0, 1 / (2 C_in)), own then mean; bias [C_out] = 0
class NFOPT_API DeepSetLinearImpl : public torch::nn::Cloneable<DeepSetLinearImpl> {
 public:
  explicit DeepSetLinearImpl(DeepSetLinearOptions options);

  void reset() override;
  /// Draws the parameters anew from the options' seed.
  void reset_parameters();
  void pretty_print(std::ostream& stream) const override;
  std::vector<at::Tensor> forward(const std::vector<at::Tensor>& x);

  DeepSetLinearOptions options;

 private:
  at::Tensor theta_;
  at::Tensor bias_;
};
TORCH_MODULE(DeepSetLinear);

/// The mean over all entries of all tensors.
///
/// Shapes   x [P, B, C, shape...] per tensor  ->  y [P, B, C]
/// Group    invariant under every permutation of all entries.
class NFOPT_API DeepSetPoolImpl : public torch::nn::Cloneable<DeepSetPoolImpl> {
 public:
  void reset() override {}
  void pretty_print(std::ostream& stream) const override { stream << "nfopt::DeepSetPool()"; }
  at::Tensor forward(const std::vector<at::Tensor>& x) { return deep_set_mean(x); }
};
TORCH_MODULE(DeepSetPool);

}  // namespace nfopt
