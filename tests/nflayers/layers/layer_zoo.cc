#include "tests/nflayers/layers/layer_zoo.h"

#include <nfopt/nflayers/action/random_element.h>
#include <nfopt/nflayers/layers/deep_set.h>
#include <nfopt/nflayers/layers/kernel_encoding.h>
#include <nfopt/nflayers/layers/kernel_pos_embedding.h>
#include <nfopt/nflayers/layers/nfn/channel_dropout.h>
#include <nfopt/nflayers/layers/nfn/channel_layer_norm.h>
#include <nfopt/nflayers/layers/nfn/channel_linear.h>
#include <nfopt/nflayers/layers/nfn/cross_attention.h>
#include <nfopt/nflayers/layers/nfn/flatten_weights.h>
#include <nfopt/nflayers/layers/nfn/gaussian_fourier.h>
#include <nfopt/nflayers/layers/nfn/hnp_linear.h>
#include <nfopt/nflayers/layers/nfn/io_sinusoidal_encoding.h>
#include <nfopt/nflayers/layers/nfn/learned_pos_embedding.h>
#include <nfopt/nflayers/layers/nfn/learned_scale.h>
#include <nfopt/nflayers/layers/nfn/np_attention.h>
#include <nfopt/nflayers/layers/nfn/np_linear.h>
#include <nfopt/nflayers/layers/nfn/np_pool.h>
#include <nfopt/nflayers/layers/nfn/param_layer_norm.h>
#include <nfopt/nflayers/layers/nfn/pointwise.h>
#include <nfopt/nflayers/layers/nfn/res_block.h>
#include <nfopt/nflayers/layers/nfn/simple_layer_norm.h>
#include <nfopt/nflayers/layers/nfn/stat_featurizer.h>
#include <nfopt/nflayers/layers/nfn/tuple_op.h>
#include <nfopt/nflayers/layers/relu.h>
#include <nfopt/nflayers/layers/role_pool.h>
#include <nfopt/nflayers/layers/role_tied_linear.h>
#include <nfopt/nflayers/layers/unf_linear.h>
#include <nfopt/nflayers/layers/unf_pool.h>
#include <nfopt/nflayers/layers/unf_predictor.h>
#include <nfopt/nflayers/layers/unf_sequential.h>
#include <nfopt/nflayers/plan/plan.h>
#include <nfopt/nflayers/random/tensor_random.h>

#include <algorithm>

namespace nfopt::testing {

using torch::nn::AnyModule;
using torch::nn::Sequential;

namespace {

/// Layers in turn as one layer: AnyModule cannot hold a Sequential, whose output has no fixed type.
template <class Output>
class InTurn : public torch::nn::Cloneable<InTurn<Output>> {
 public:
  explicit InTurn(Sequential layers) : layers_(std::move(layers)) { reset(); }

  void reset() override { this->register_module("layers", layers_); }
  std::shared_ptr<torch::nn::Module> clone(const std::optional<torch::Device>& device) const override {
    auto copy = std::make_shared<InTurn>(
        Sequential(std::dynamic_pointer_cast<torch::nn::SequentialImpl>(layers_->clone(device))));
    copy->train(this->is_training());
    return copy;
  }
  void pretty_print(std::ostream& stream) const override { stream << "nfopt::testing::InTurn"; }
  Output forward(const std::vector<at::Tensor>& x) { return layers_->template forward<Output>(x); }

 private:
  Sequential layers_;
};

AnyModule features_in_turn(Sequential layers) {
  return AnyModule(std::make_shared<InTurn<std::vector<at::Tensor>>>(std::move(layers)));
}

AnyModule tensor_in_turn(Sequential layers) {
  return AnyModule(std::make_shared<InTurn<at::Tensor>>(std::move(layers)));
}

}  // namespace

bool ZooLayer::takes(const WeightSpace& space) const {
  if (!unfolded_only) return true;
  const auto views = fold_views(space, Fold::fixed());
  return std::all_of(views.begin(), views.end(), [](const LayerView& view) { return view.folded_size == 1; });
}

const std::vector<ZooLayer>& layer_zoo() {
  using Space = const WeightSpacePtr&;
  static const std::vector<ZooLayer> layers = {
      {"NPLinear", Symmetry::layer_group, false,
       [](Space s, int64_t c) { return AnyModule(NPLinear(NPLinearOptions(s, c, c))); }},
      {"NPLinear with io_embed", Symmetry::plain_labels, false,
       [](Space s, int64_t c) { return AnyModule(NPLinear(NPLinearOptions(s, c, c).io_embed(true))); }},
      {"HNPLinear", Symmetry::unfolded, false,
       [](Space s, int64_t c) { return AnyModule(HNPLinear(HNPLinearOptions(s, c, c))); }},
      {"Pointwise", Symmetry::layer_group, false,
       [](Space s, int64_t c) { return AnyModule(Pointwise(PointwiseOptions(s, c, c))); }},
      {"NPAttention", Symmetry::layer_group, false,
       [](Space s, int64_t c) {
         return AnyModule(NPAttention(NPAttentionOptions(s, c).num_heads(2).share_projections(false)));
       }},
      {"NPAttention, shared projections", Symmetry::layer_group, false,
       [](Space s, int64_t c) { return AnyModule(NPAttention(NPAttentionOptions(s, c).num_heads(2))); }, false, true},
      {"NPAttention, diagonal term", Symmetry::layer_group, false,
       [](Space s, int64_t c) {
         return AnyModule(
             NPAttention(NPAttentionOptions(s, c).num_heads(2).share_projections(false).ablate_crossterm(true)));
       }},
      {"NPAttention, cross term", Symmetry::layer_group, false,
       [](Space s, int64_t c) {
         return AnyModule(
             NPAttention(NPAttentionOptions(s, c).num_heads(2).share_projections(false).ablate_diagonalterm(true)));
       }},
      {"SimpleLayerNorm", Symmetry::layer_group, false,
       [](Space s, int64_t c) { return AnyModule(SimpleLayerNorm(SimpleLayerNormOptions(s, c))); }},
      {"ParamLayerNorm", Symmetry::unfolded, false,
       [](Space s, int64_t c) { return AnyModule(ParamLayerNorm(ParamLayerNormOptions(s, c))); }},
      {"LearnedScale", Symmetry::layer_group, false,
       [](Space s, int64_t) { return AnyModule(LearnedScale(LearnedScaleOptions(s, 0.5))); }},
      {"ChannelDropout, evaluating", Symmetry::layer_group, false,
       [](Space s, int64_t) { return AnyModule(ChannelDropout(ChannelDropoutOptions(s, 0.5))); }},
      {"GaussianFourierFeatureTransform", Symmetry::layer_group, false,
       [](Space, int64_t c) {
         return AnyModule(GaussianFourierFeatureTransform(GaussianFourierOptions(c).mapping_size(3).scale(0.1)));
       }},
      {"IOSinusoidalEncoding", Symmetry::plain_labels, false,
       [](Space s, int64_t) { return AnyModule(IOSinusoidalEncoding(IOSinusoidalEncodingOptions(s).num_bands(2))); }},
      {"LearnedPosEmbedding", Symmetry::plain_labels, false,
       [](Space s, int64_t c) { return AnyModule(LearnedPosEmbedding(LearnedPosEmbeddingOptions(s, c))); }},
      {"TupleOp of ChannelLinear", Symmetry::layer_group, false,
       [](Space, int64_t c) { return AnyModule(TupleOp(ChannelLinear(ChannelLinearOptions(c, 2 * c)))); }},
      {"TupleOp of ChannelLinear without bias", Symmetry::layer_group, false,
       [](Space, int64_t c) { return AnyModule(TupleOp(ChannelLinear(ChannelLinearOptions(c, 3).bias(false)))); }},
      {"TupleOp of ChannelLayerNorm", Symmetry::layer_group, false,
       [](Space, int64_t c) { return AnyModule(TupleOp(ChannelLayerNorm(ChannelLayerNormOptions(c).eps(0.1)))); }},
      {"ResBlock", Symmetry::layer_group, false,
       [](Space s, int64_t c) {
         return AnyModule(ResBlock(ResBlockOptions(AnyModule(NPLinear(NPLinearOptions(s, c, c))),
                                                   AnyModule(TupleOp(torch::nn::Tanh())), 0.1,
                                                   AnyModule(SimpleLayerNorm(SimpleLayerNormOptions(s, c))))));
       }},
      {"NPPool", Symmetry::layer_group, true, [](Space s, int64_t) { return AnyModule(NPPool(s)); }},
      {"HNPPool", Symmetry::unfolded, true, [](Space s, int64_t) { return AnyModule(HNPPool(s)); }},
      {"StatFeaturizer", Symmetry::layer_group, true, [](Space s, int64_t) { return AnyModule(StatFeaturizer(s)); },
       true},
      {"UnfPool", Symmetry::layer_group, false, [](Space s, int64_t) { return AnyModule(UnfPool(s)); }},
      {"DeepSetLinear", Symmetry::layer_group, false,
       [](Space, int64_t c) { return AnyModule(DeepSetLinear(DeepSetLinearOptions(c, c))); }},
      {"DeepSetPool", Symmetry::layer_group, true, [](Space, int64_t) { return AnyModule(DeepSetPool()); }},
      {"KernelPosEmbedding", Symmetry::layer_group, false,
       [](Space s, int64_t c) { return AnyModule(KernelPosEmbedding(KernelPosEmbeddingOptions(s, c))); }},
      {"KernelEncoding", Symmetry::layer_group, false,
       [](Space s, int64_t) { return AnyModule(KernelEncoding(KernelEncodingOptions(s))); }},
      {"CrossAttnEncoder", Symmetry::layer_group, true,
       [](Space s, int64_t c) { return AnyModule(CrossAttnEncoder(CrossAttnEncoderOptions(s, c, 3))); }},
      // What a decoder writes keeps its order of units, whatever the order of those that were read.
      {"CrossAttnDecoder", Symmetry::layer_group, true,
       [](Space s, int64_t c) {
         return tensor_in_turn(Sequential(CrossAttnEncoder(CrossAttnEncoderOptions(s, c, 3)),
                                          CrossAttnDecoder(CrossAttnDecoderOptions(s, c)), FlattenWeights(s)));
       }},
      {"FlattenWeights and UnflattenWeights", Symmetry::layer_group, false,
       [](Space s, int64_t) {
         return features_in_turn(Sequential(FlattenWeights(s), torch::nn::Tanh(), UnflattenWeights(s)));
       }},
      {"UnfLinear", Symmetry::layer_group, false,
       [](Space s, int64_t c) { return AnyModule(UnfLinear(UnfLinearOptions(s, c, 3))); }},
      {"UnfRelu", Symmetry::layer_group, false, [](Space, int64_t) { return AnyModule(UnfRelu()); }, true},
      {"UnfSequential", Symmetry::layer_group, false,
       [](Space s, int64_t c) {
         return AnyModule(UnfSequential(UnfSequentialOptions(s, {c, 3, 2})));
       },
       true},
      {"UnfPredictor", Symmetry::layer_group, true,
       [](Space s, int64_t c) {
         return AnyModule(UnfPredictor(UnfPredictorOptions(s, {c, 3}, 4, 2)));
       },
       true},
      {"RoleTiedLinear", Symmetry::layer_group, false,
       [](Space s, int64_t c) { return AnyModule(RoleTiedLinear(RoleTiedLinearOptions(s, c, 3))); }},
      {"RolePool", Symmetry::layer_group, true, [](Space s, int64_t) { return AnyModule(RolePool(s)); }},
  };
  return layers;
}

void randomize(torch::nn::Module& module, const Rng& rng) {
  const torch::NoGradGuard guard;
  for (const auto& list : {module.named_parameters(), module.named_buffers()})
    for (const auto& item : list) {
      at::Tensor t = item.value();
      fill_normal(t, rng.purpose(item.key()), 0, 0.5);
    }
}

std::vector<at::Tensor> random_features(const WeightSpace& space, int64_t members, int64_t batch, int64_t channels,
                                        at::TensorOptions options, const Rng& rng) {
  std::vector<at::Tensor> x;
  for (const Tensor& tensor : space.tensors()) {
    std::vector<int64_t> sizes = {members, batch, channels};
    sizes.insert(sizes.end(), tensor.shape.begin(), tensor.shape.end());
    x.push_back(at::empty(sizes, options));
    fill_normal(x.back(), rng.purpose(tensor.name), 0, 1);
  }
  return x;
}

GroupAction random_action(const WeightSpace& space, Symmetry symmetry, const Rng& rng) {
  switch (symmetry) {
    case Symmetry::layer_group:
      return {space, random_layer_element(space, Fold::fixed(), rng)};
    case Symmetry::unfolded:
      return {space, random_layer_element(space, Fold::all(), rng)};
    case Symmetry::plain_labels:
      break;
  }
  return {space, random_symmetry(space, rng)};
}

double largest_difference(const std::vector<at::Tensor>& a, const std::vector<at::Tensor>& b) {
  double largest = 0, scale = 1;
  for (size_t i = 0; i < a.size(); ++i) {
    const at::Tensor finite = a[i].isfinite();  // the variance of a single entry is not a number, on both sides
    if (!at::equal(finite, b[i].isfinite())) return INFINITY;
    const at::Tensor zero = at::zeros_like(a[i]);
    largest = std::max(largest, at::where(finite, a[i] - b[i], zero).abs().max().item<double>());
    scale = std::max(scale, at::where(finite, a[i], zero).abs().max().item<double>());
  }
  return largest / scale;
}

}  // namespace nfopt::testing
