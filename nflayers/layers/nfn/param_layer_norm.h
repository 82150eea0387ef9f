#pragma once

#include <nfopt/nflayers/layers/nfn/feature_views.h>
#include <nfopt/nflayers/layers/nfn/parameter_list.h>
#include <torch/torch.h>

#include <memory>
#include <vector>

namespace nfopt {

/// Options of ParamLayerNorm: `ParamLayerNormOptions(space, 32)`.
struct NFOPT_API ParamLayerNormOptions {
  ParamLayerNormOptions(WeightSpacePtr space, int64_t channels) : space_(std::move(space)), channels_(channels) {}
  TORCH_ARG(WeightSpacePtr, space);
  TORCH_ARG(int64_t, channels);
};

/// Layer norm over the channels and everything that no symmetry permutes: ordered and fixed axes.
///
///   y = gain (x - mean) / sqrt(var + 1e-5) + shift      mean and var (divisor n) over (c, folded positions), alone at
///                                                       each position of the plain axes
/// Shapes   x [P, B, C, shape...] -> the same
/// Parameters  norm<i>_w and norm<i>_v on a feed-forward network, norms.<view> elsewhere, each .weight = 1 and .bias = 0
///          of shape [C, folded sizes... in axis order]; the last weight of a feed-forward network of two or more layers
///          stores [n_L, C, kernel...], as nfn does. With one layer the output axis counts as a position.
/// Group    commutes with the permutations of plain labels.
/// Paper    arXiv:2305.13546, nfn 0.1.2 (dense layers only; kernels are normalised over here)
class NFOPT_API ParamLayerNormImpl : public torch::nn::Cloneable<ParamLayerNormImpl> {
 public:
  explicit ParamLayerNormImpl(ParamLayerNormOptions options);
  void reset() override;
  void pretty_print(std::ostream& stream) const override;
  std::vector<at::Tensor> forward(const std::vector<at::Tensor>& x);

  ParamLayerNormOptions options;

 private:
  // Which folded axes are normalised over, and how the gain is stored.
  struct ViewNorm {
    bool first_is_position = false;
    bool stored_transposed = false;
  };

  std::shared_ptr<const FeatureViews> views_;
  std::vector<ViewNorm> norms_;
  ParameterList own_;
};
TORCH_MODULE(ParamLayerNorm);

}  // namespace nfopt
