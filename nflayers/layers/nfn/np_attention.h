#pragma once

#include <nfopt/nflayers/layers/nfn/attention_axes.h>
#include <nfopt/nflayers/layers/nfn/feature_views.h>
#include <nfopt/nflayers/layers/nfn/parameter_list.h>
#include <nfopt/nflayers/random/rng.h>
#include <torch/torch.h>

#include <memory>
#include <string>
#include <vector>

namespace nfopt {

/// Options of NPAttention: `NPAttentionOptions(space, 32).num_heads(4).share_projections(false)`.
struct NFOPT_API NPAttentionOptions {
  NPAttentionOptions(WeightSpacePtr space, int64_t channels) : space_(std::move(space)), channels_(channels) {}

  TORCH_ARG(WeightSpacePtr, space);
  TORCH_ARG(int64_t, channels);
  TORCH_ARG(int64_t, num_heads) = 8;  // divides channels
  TORCH_ARG(double, dropout) = 0.0;   // of the softmax weights of the cross term, in training
  TORCH_ARG(bool, share_projections) = true;
  TORCH_ARG(bool, ablate_crossterm) = false;
  TORCH_ARG(bool, ablate_diagonalterm) = false;
  TORCH_ARG(uint64_t, seed) = 0;
};

/// The attention of Neural Functional Transformers along the labels of a weight space.
///
///   w_v = A(to_qkv; x_v): queries, keys, values for every entry of every view, heads of d = C / num_heads channels
///   y_v = U(attention over the means of all views)                                           diagonal term
///       + sum over the axes a of v  U(attention over all vectors along the label of a)        cross term
///
/// A vector along a label is everything that differs only in the index of that label: a column of one weight, a row of
/// the next, a bias. Their inner products do not depend on the numbering of units, so that weights of the softmax are
/// invariant. The scale is 1/sqrt(d) and 1/sqrt(d * n), n the label's size. A nested label is taken together with its
/// ancestors (n is their product); axes nested in the label itself are averaged before and broadcast after, since every
/// index permutes them on its own.
///
/// Shapes   x [P, B, C, shape...] -> the same
/// Parameters  shared: to_qkv.linear [3C, C]. Separate, on a feed-forward network: weight_to_qkv.i.linear [3C, f_i C],
///          bias_to_qkv.i.linear [3C, C], unproject_weight.i.linear [f_i C, C]; elsewhere to_qkv.<view>.linear
///          [3C, F C] and, for views of two or more factors, unproject.<view>.linear [F C, C]. All with a bias, which U
///          adds once per term.
/// Group    commutes with the layer group of the space.
/// Errors   Error("layer", ..) for shared projections where a view has folded factors: they need separate ones.
/// Cost     per label the square of its number of vectors times d * n.
/// Paper    arXiv:2305.13546, nfn 0.1.2
class NFOPT_API NPAttentionImpl : public torch::nn::Cloneable<NPAttentionImpl> {
 public:
  explicit NPAttentionImpl(NPAttentionOptions options);
  void reset() override;
  void reset_parameters();
  void pretty_print(std::ostream& stream) const override;
  std::vector<at::Tensor> forward(const std::vector<at::Tensor>& x);

  NPAttentionOptions options;

 private:
  struct Projection {
    int qkv = 0;         // position of weight and bias in the parameters
    int unproject = -1;  // -1: the identity
  };

  std::vector<at::Tensor> project(const std::vector<at::Tensor>& views, const std::vector<at::Tensor>& p) const;
  at::Tensor unproject(size_t view, const at::Tensor& y, const std::vector<at::Tensor>& p) const;
  at::Tensor attend(const at::Tensor& qkv, const Rng& rng) const;

  std::shared_ptr<const FeatureViews> views_;
  std::shared_ptr<const std::vector<AttentionAxis>> axes_;
  std::vector<StoredParameter> stored_;
  std::vector<Projection> projections_;  // per view
  ParameterList own_;
  uint64_t passes_ = 0;  // training passes so far: each has its own dropout
};
TORCH_MODULE(NPAttention);

}  // namespace nfopt
