#pragma once

#include <nfopt/nflayers/layers/nfn/feature_views.h>
#include <nfopt/nflayers/layers/nfn/parameter_list.h>
#include <torch/torch.h>

#include <memory>
#include <vector>

namespace nfopt {

/// Options of LearnedPosEmbedding: `LearnedPosEmbeddingOptions(space, 32).seed(7)`.
struct NFOPT_API LearnedPosEmbeddingOptions {
  LearnedPosEmbeddingOptions(WeightSpacePtr space, int64_t channels) : space_(std::move(space)), channels_(channels) {}
  TORCH_ARG(WeightSpacePtr, space);
  TORCH_ARG(int64_t, channels);
  TORCH_ARG(uint64_t, seed) = 0;
};

/// A learned vector per view and per index of every ordered label (`~`), added to the features.
///
///   y_v[c, ..] = x_v[c, ..] + e_v[c] + sum over the ordered axes of v of  e_label[index, c]
///
/// Shapes   x [P, B, C, shape...] -> the same. One input channel is broadcast over the embedding's channels, as in nfn.
/// Parameters  on a feed-forward network weight_emb.weight [L, C], bias_emb.weight [L, C], inp_emb.weight [n_0, C],
///          out_emb.weight [n_L, C]; elsewhere view_emb.weight [views, C] and label_emb_<label>.weight [n, C]. Normal
///          with standard deviation 1
/// Group    commutes with the permutations of plain labels.
/// Paper    arXiv:2305.13546, nfn 0.1.2
class NFOPT_API LearnedPosEmbeddingImpl : public torch::nn::Cloneable<LearnedPosEmbeddingImpl> {
 public:
  explicit LearnedPosEmbeddingImpl(LearnedPosEmbeddingOptions options);
  void reset() override;
  void reset_parameters();
  void pretty_print(std::ostream& stream) const override;
  std::vector<at::Tensor> forward(const std::vector<at::Tensor>& x);

  LearnedPosEmbeddingOptions options;

 private:
  struct Row {
    size_t parameter;
    int64_t row;
  };

  std::shared_ptr<const FeatureViews> views_;
  std::vector<StoredParameter> stored_;
  std::vector<Row> of_view_;
  std::vector<std::vector<int>> along_;  // per view and factor: parameter, -1: none
  ParameterList own_;
};
TORCH_MODULE(LearnedPosEmbedding);

}  // namespace nfopt
