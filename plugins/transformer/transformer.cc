// Decoder language model with the parameter names of GPT-2 or Llama, and every combination of their parts.
//
//   h.0.attn.c_attn.weight  [d, [h0, qk0@h0] | [h0, qk0@h0] | [h0, v0@h0]]     transposed, slots [i, o]
//   model.layers.0.self_attn.q_proj.weight  [[h0, ~rot], d]                    rotary positions order the entries
//
// Heads move as wholes, entries within their head, and the residual stream d is one label for all blocks.

#include "transformer_description.h"
#include "transformer_names.h"
#include "transformer_network.h"
#include "transformer_shape.h"

#include <nfopt/runtime/network/network.h>
#include <nfopt/runtime/plugin/plugin.h>
#include <nfopt/runtime/plugin/recognition.h>

#include <utility>

namespace nfopt::transformer {
namespace {

using Values = std::map<std::string, OptionValue>;

OptionValue text(const char* value) { return std::string(value); }

// Heads leave no trace in shapes. Their usual width is 64 entries (GPT-2) or 128 (Llama); a smaller network gets the
// largest power of two that leaves two heads.
int64_t usual_head_width(Names names, int64_t queries, int64_t keys) {
  for (int64_t width = names == Names::llama ? 128 : 64; width > 1; width /= 2) {
    if (queries % width == 0 && keys % width == 0 && queries >= 2 * width) return width;
  }
  return 1;
}

class Transformer final : public TrainableArchitecture {
 public:
  ArchitectureInfo info() const override {
    return {.name = "transformer",
            .summary = "decoder language model (GPT-2, Llama), one label for the residual stream, nested heads",
            .options = transformer_options()};
  }

  std::vector<TensorDescription> describe(const Options& options) const override {
    return transformer_description(transformer_shape(options));
  }

  // The number of heads, the activation and every constant leave no trace: heads get their usual width, the rest its
  // default. State `heads` where that is wrong.
  std::optional<Values> recognize(const NamedShapes& shapes) const override {
    const std::map<std::string, std::vector<int64_t>> found(shapes.begin(), shapes.end());
    const auto has = [&](const std::string& name) { return found.contains(name); };
    const auto size = [&](const std::string& name, size_t axis) -> int64_t {
      const auto tensor = found.find(name);
      return tensor == found.end() || tensor->second.size() != 2 ? 0 : tensor->second[axis];
    };
    const Names names = has("wte.weight") ? Names::gpt2 : Names::llama;
    const size_t rows = names == Names::gpt2 ? 1 : 0;
    const ModelNames model = model_names(names);
    const BlockNames first = block_names(names, 0);
    const int64_t width = size(model.embedding + ".weight", 1);
    const int64_t queries = size(first.attention_out + ".weight", 1 - rows);
    const bool fused = has(first.qkv + ".weight");
    const int64_t keys = fused ? (size(first.qkv + ".weight", rows) - queries) / 2 : size(first.k + ".weight", rows);
    if (width < 1 || queries < 1 || keys < 1) return std::nullopt;

    int64_t layers = 0;
    while (has(block_names(names, layers).attention_out + ".weight")) ++layers;
    const int64_t head_width = usual_head_width(names, queries, keys);
    const std::string norm = first.attention_norm, q = fused ? first.qkv : first.q;
    const bool learned = has(model.positions + ".weight");
    Values guess = {{"names", text(names == Names::gpt2 ? "gpt2" : "llama")},
                    {"vocabulary", size(model.embedding + ".weight", 0)},
                    {"layers", layers},
                    {"width", width},
                    {"heads", queries / head_width},
                    {"kv_heads", keys / head_width},
                    {"head_width", head_width},
                    {"mlp_width", size(first.up + ".weight", rows)},
                    {"norm", text(has(norm + ".bias") ? "layer_norm" : "rms_norm")},
                    {"norm_position", text(has(model.final_norm + ".weight") ? "pre" : "post")},
                    {"positions", text(learned ? "learned" : "rotary")},
                    {"qkv", text(fused ? "fused" : "separate")},
                    {"mlp", text(has(first.gate + ".weight") ? "swiglu" : "gelu_tanh")},
                    {"bias", text(has(first.down + ".bias") ? "all"
                                  : has(q + ".bias")        ? "qkv"
                                                            : "none")},
                    {"head", text(has(model.head + ".weight") ? "untied" : "tied")}};
    if (learned) guess["context"] = size(model.positions + ".weight", 0);
    return describes(*this, guess, shapes) ? std::optional(guess) : std::nullopt;
  }

  std::vector<Example> examples() const override;

  std::unique_ptr<Network> network(const Options& options) const override {
    return make_transformer_network(transformer_shape(options));
  }
};

std::vector<Example> Transformer::examples() const {
  const auto integer = [](int64_t value) { return OptionValue(value); };
  // Large weights, so that every part matters; a large epsilon, because a norm of a tiny stream bends so sharply that
  // finite differences cannot follow.
  const auto example = [&](const char* names, std::string name, Values more) {
    more.insert({{"names", text(names)},
                 {"vocabulary", integer(11)},
                 {"layers", integer(1)},
                 {"width", integer(6)},
                 {"heads", integer(2)},
                 {"mlp_width", integer(5)},
                 {"context", integer(9)},
                 {"norm_epsilon", 0.1},
                 {"weight_deviation", 0.5}});
    return Example{std::move(name), std::move(more), {7}, 11};
  };
  // Grouped queries: four heads, two groups; widths of 2 are even, as rotary positions need it.
  const auto grouped = [&](const char* names, std::string name, Values more) {
    more.insert({{"heads", integer(4)}, {"kv_heads", integer(2)}, {"head_width", integer(2)}});
    return example(names, std::move(name), std::move(more));
  };
  const OptionValue two = integer(2), one = integer(1);
  return {
      example("gpt2", "gpt2", {{"layers", two}}),
      example("gpt2", "gpt2_three_heads", {{"heads", integer(3)}, {"mlp", text("gelu")}}),
      example("gpt2", "gpt2_untied", {{"head", text("untied")}, {"layers", two}}),
      example("gpt2", "gpt2_post_norm", {{"norm_position", text("post")}, {"layers", two}}),
      example("gpt2", "gpt2_rms_norm", {{"norm", text("rms_norm")}}),
      example("gpt2", "gpt2_separate", {{"qkv", text("separate")}}),
      example("gpt2", "gpt2_separate_qkv_bias", {{"qkv", text("separate")}, {"bias", text("qkv")}}),
      example("gpt2", "gpt2_no_bias", {{"bias", text("none")}}),
      example("gpt2", "gpt2_swiglu", {{"mlp", text("swiglu")}}),
      example("gpt2", "gpt2_rotary", {{"positions", text("rotary")}, {"head_width", integer(4)}}),
      grouped("gpt2", "gpt2_grouped", {{"layers", two}}),
      grouped("gpt2", "gpt2_grouped_rotary_separate", {{"positions", text("rotary")}, {"qkv", text("separate")}}),
      example("gpt2", "gpt2_multi_query", {{"kv_heads", one}, {"heads", integer(3)}}),
      example("llama", "llama", {{"layers", two}, {"head_width", integer(4)}}),
      grouped("llama", "llama_grouped", {{"layers", two}}),
      grouped("llama", "llama_multi_query", {{"kv_heads", one}, {"heads", integer(3)}}),
      grouped("llama", "llama_grouped_fused", {{"qkv", text("fused")}}),
      grouped("llama", "llama_grouped_learned", {{"positions", text("learned")}}),
      grouped("llama", "llama_qkv_bias", {{"bias", text("qkv")}}),
      example("llama", "llama_tied", {{"head", text("tied")}, {"head_width", two}}),
      example("llama", "llama_learned_fused", {{"positions", text("learned")}, {"qkv", text("fused")}}),
      example("llama", "llama_gelu", {{"mlp", text("gelu")}, {"head_width", two}}),
      example("llama", "llama_layer_norm_all_bias",
              {{"norm", text("layer_norm")}, {"bias", text("all")}, {"head_width", two}}),
      grouped("llama", "llama_post_norm", {{"norm_position", text("post")}, {"layers", two}, {"rotary_base", 100.0}}),
  };
}

}  // namespace

NFOPT_PLUGIN(Transformer, .id = "transformer", .version = NFOPT_VERSION, .author = "nfopt");

}  // namespace nfopt::transformer
