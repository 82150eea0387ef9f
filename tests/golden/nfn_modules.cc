#include "tests/golden/nfn_modules.h"

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
#include <nfopt/nflayers/layers/nfn/network_spec.h>
#include <nfopt/nflayers/layers/nfn/np_attention.h>
#include <nfopt/nflayers/layers/nfn/np_linear.h>
#include <nfopt/nflayers/layers/nfn/np_pool.h>
#include <nfopt/nflayers/layers/nfn/param_layer_norm.h>
#include <nfopt/nflayers/layers/nfn/pointwise.h>
#include <nfopt/nflayers/layers/nfn/res_block.h>
#include <nfopt/nflayers/layers/nfn/simple_layer_norm.h>
#include <nfopt/nflayers/layers/nfn/stat_featurizer.h>
#include <nfopt/nflayers/layers/nfn/tuple_op.h>
#include <nfopt/nflayers/spec/error.h>

#include <functional>
#include <map>

namespace nfopt::golden {
namespace {

using nlohmann::json;
using torch::nn::AnyModule;

int64_t whole(const json& options, const char* name) { return options.at(name).get<int64_t>(); }
bool yes(const json& options, const char* name) { return options.at(name).get<bool>(); }
double number(const json& options, const char* name) { return options.at(name).get<double>(); }

AnyModule activation(const std::string& name) {
  if (name == "ReLU") return AnyModule(TupleOp(torch::nn::ReLU()));
  if (name == "Tanh") return AnyModule(TupleOp(torch::nn::Tanh()));
  throw Error("golden", "no activation '" + name + "' here: add it.");
}

AnyModule nested(const json& described, const WeightSpacePtr& space, uint64_t seed) {
  return nfn_module(described.at("layer").get<std::string>(), described.at("options"), space, seed);
}

using Maker = std::function<AnyModule(const json&, const WeightSpacePtr&, uint64_t)>;

const std::map<std::string, Maker>& makers() {
  static const std::map<std::string, Maker> table = {
      {"NPLinear",
       [](const json& o, const WeightSpacePtr& space, uint64_t seed) {
         return AnyModule(NPLinear(NPLinearOptions(space, whole(o, "in_channels"), whole(o, "out_channels"))
                                       .io_embed(yes(o, "io_embed"))
                                       .init_type(init_type(o.at("init_type").get<std::string>()))
                                       .seed(seed)));
       }},
      {"HNPLinear",
       [](const json& o, const WeightSpacePtr& space, uint64_t seed) {
         return AnyModule(
             HNPLinear(HNPLinearOptions(space, whole(o, "in_channels"), whole(o, "out_channels")).seed(seed)));
       }},
      {"Pointwise",
       [](const json& o, const WeightSpacePtr& space, uint64_t seed) {
         return AnyModule(
             Pointwise(PointwiseOptions(space, whole(o, "in_channels"), whole(o, "out_channels")).seed(seed)));
       }},
      {"NPPool", [](const json&, const WeightSpacePtr& space, uint64_t) { return AnyModule(NPPool(space)); }},
      {"HNPPool", [](const json&, const WeightSpacePtr& space, uint64_t) { return AnyModule(HNPPool(space)); }},
      {"ChannelLinear",
       [](const json& o, const WeightSpacePtr&, uint64_t seed) {
         return AnyModule(ChannelLinear(
             ChannelLinearOptions(whole(o, "in_channels"), whole(o, "out_channels")).bias(yes(o, "bias")).seed(seed)));
       }},
      {"NPAttention",
       [](const json& o, const WeightSpacePtr& space, uint64_t seed) {
         return AnyModule(NPAttention(NPAttentionOptions(space, whole(o, "channels"))
                                          .num_heads(whole(o, "num_heads"))
                                          .dropout(number(o, "dropout"))
                                          .share_projections(yes(o, "share_projections"))
                                          .ablate_crossterm(yes(o, "ablate_crossterm"))
                                          .ablate_diagonalterm(yes(o, "ablate_diagonalterm"))
                                          .seed(seed)));
       }},
      {"TupleOp",
       [](const json& o, const WeightSpacePtr&, uint64_t) { return activation(o.at("op").get<std::string>()); }},
      {"ResBlock",
       [](const json& o, const WeightSpacePtr& space, uint64_t seed) {
         return AnyModule(
             ResBlock(ResBlockOptions(nested(o.at("base_layer"), space, seed), nested(o.at("activation"), space, seed),
                                      number(o, "dropout"), nested(o.at("norm"), space, seed))));
       }},
      {"StatFeaturizer",
       [](const json&, const WeightSpacePtr& space, uint64_t) { return AnyModule(StatFeaturizer(space)); }},
      {"LearnedScale",
       [](const json& o, const WeightSpacePtr& space, uint64_t) {
         return AnyModule(LearnedScale(LearnedScaleOptions(space, number(o, "init_scale"))));
       }},
      {"FlattenWeights",
       [](const json&, const WeightSpacePtr& space, uint64_t) { return AnyModule(FlattenWeights(space)); }},
      {"UnflattenWeights",
       [](const json&, const WeightSpacePtr& space, uint64_t) { return AnyModule(UnflattenWeights(space)); }},
      {"CrossAttnEncoder",
       [](const json& o, const WeightSpacePtr& space, uint64_t seed) {
         return AnyModule(CrossAttnEncoder(
             CrossAttnEncoderOptions(space, whole(o, "channels"), whole(o, "num_latents")).seed(seed)));
       }},
      {"CrossAttnDecoder",
       [](const json& o, const WeightSpacePtr& space, uint64_t seed) {
         return AnyModule(CrossAttnDecoder(
             CrossAttnDecoderOptions(space, whole(o, "channels")).num_params(whole(o, "num_params")).seed(seed)));
       }},
      {"ChannelLayerNorm",
       [](const json& o, const WeightSpacePtr&, uint64_t) {
         return AnyModule(ChannelLayerNorm(ChannelLayerNormOptions(whole(o, "channels")).eps(number(o, "eps"))));
       }},
      {"SimpleLayerNorm",
       [](const json& o, const WeightSpacePtr& space, uint64_t) {
         return AnyModule(SimpleLayerNorm(SimpleLayerNormOptions(space, whole(o, "channels"))));
       }},
      {"ParamLayerNorm",
       [](const json& o, const WeightSpacePtr& space, uint64_t) {
         return AnyModule(ParamLayerNorm(ParamLayerNormOptions(space, whole(o, "channels"))));
       }},
      {"ChannelDropout",
       [](const json& o, const WeightSpacePtr& space, uint64_t seed) {
         return AnyModule(ChannelDropout(ChannelDropoutOptions(space, number(o, "dropout")).seed(seed)));
       }},
      {"GaussianFourierFeatureTransform",
       [](const json& o, const WeightSpacePtr&, uint64_t seed) {
         return AnyModule(GaussianFourierFeatureTransform(GaussianFourierOptions(whole(o, "in_channels"))
                                                              .mapping_size(whole(o, "mapping_size"))
                                                              .scale(number(o, "scale"))
                                                              .seed(seed)));
       }},
      {"IOSinusoidalEncoding",
       [](const json& o, const WeightSpacePtr& space, uint64_t) {
         return AnyModule(IOSinusoidalEncoding(IOSinusoidalEncodingOptions(space)
                                                   .max_freq(number(o, "max_freq"))
                                                   .num_bands(whole(o, "num_bands"))
                                                   .enc_layers(yes(o, "enc_layers"))));
       }},
      {"LearnedPosEmbedding",
       [](const json& o, const WeightSpacePtr& space, uint64_t seed) {
         return AnyModule(LearnedPosEmbedding(LearnedPosEmbeddingOptions(space, whole(o, "channels")).seed(seed)));
       }},
      {"Flatten",
       [](const json& o, const WeightSpacePtr&, uint64_t) {
         return AnyModule(torch::nn::Flatten(torch::nn::FlattenOptions().start_dim(whole(o, "start_dim"))));
       }},
      {"Linear",
       [](const json& o, const WeightSpacePtr&, uint64_t) {
         return AnyModule(torch::nn::Linear(whole(o, "in_features"), whole(o, "out_features")));
       }},
  };
  return table;
}

}  // namespace

WeightSpacePtr nfn_space(const json& network_spec) {
  if (network_spec.is_null()) return nullptr;
  std::vector<ArraySpec> weights, biases;
  for (const auto& shape : network_spec.at("weight_shapes")) weights.push_back({shape.get<std::vector<int64_t>>()});
  for (const auto& shape : network_spec.at("bias_shapes")) biases.push_back({shape.get<std::vector<int64_t>>()});
  return NetworkSpec(std::move(weights), std::move(biases)).weight_space();
}

AnyModule nfn_module(const std::string& layer, const json& options, const WeightSpacePtr& space, uint64_t seed) {
  const auto found = makers().find(layer);
  if (found == makers().end()) throw Error("golden", "no layer '" + layer + "' of nfn is known here.");
  return found->second(options, space, seed);
}

}  // namespace nfopt::golden
