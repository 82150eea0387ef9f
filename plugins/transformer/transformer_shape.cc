#include "transformer_shape.h"

#include <nfopt/nflayers/spec/error.h>

namespace nfopt::transformer {
namespace {

void check(const TransformerShape& shape, const Options& options) {
  std::string problems;
  const auto expect = [&](bool holds, const std::string& what, const char* option) {
    if (!holds)
      problems += "\n       " + what + ", received " + option + " = " + to_string(options.values().at(option));
  };
  for (const char* option : {"vocabulary", "context", "layers", "width", "heads"}) {
    expect(options.integer(option) >= 1, std::string(option) + " is at least 1", option);
  }
  for (const char* option : {"kv_heads", "head_width", "mlp_width"}) {
    expect(options.integer(option) >= 0, std::string(option) + " is at least 0", option);
  }
  expect(options.integer("head_width") != 0 || shape.heads < 1 || shape.width % shape.heads == 0,
         "without head_width, heads = " + std::to_string(shape.heads) + " divides width", "width");
  expect(shape.groups >= 1 && shape.heads % shape.groups == 0,
         "kv_heads divides heads = " + std::to_string(shape.heads), "kv_heads");
  expect(shape.positions != Positions::rotary || shape.head_width % 2 == 0,
         "rotary positions turn pairs: width / heads, or head_width, is even", "head_width");
  expect(shape.norm_epsilon >= 0, "norm_epsilon is at least 0", "norm_epsilon");
  expect(shape.rotary_base > 1, "rotary_base is larger than 1", "rotary_base");
  expect(shape.weight_deviation >= 0, "weight_deviation is at least 0", "weight_deviation");
  if (!problems.empty()) throw Error("transformer", "These options do not describe a network:" + problems);
}

}  // namespace

TransformerShape transformer_shape(const Options& options) {
  const bool gpt2 = options.text("names") == "gpt2";
  const auto chosen = [&](const char* option, const char* in_gpt2, const char* in_llama) {
    const std::string& text = options.text(option);
    return text == "auto" ? std::string(gpt2 ? in_gpt2 : in_llama) : text;
  };
  TransformerShape shape{};
  shape.names = gpt2 ? Names::gpt2 : Names::llama;
  shape.vocabulary = options.integer("vocabulary");
  shape.context = options.integer("context");
  shape.layers = options.integer("layers");
  shape.width = options.integer("width");
  shape.heads = options.integer("heads");
  shape.groups = options.integer("kv_heads") == 0 ? shape.heads : options.integer("kv_heads");
  shape.head_width = options.integer("head_width");
  if (shape.head_width == 0 && shape.heads >= 1) shape.head_width = shape.width / shape.heads;
  shape.mlp_width = options.integer("mlp_width") == 0 ? 4 * shape.width : options.integer("mlp_width");
  shape.norm = chosen("norm", "layer_norm", "rms_norm") == "layer_norm" ? Norm::layer_norm : Norm::rms_norm;
  shape.norm_position = options.text("norm_position") == "pre" ? NormPosition::pre : NormPosition::post;
  shape.norm_epsilon = options.real("norm_epsilon");
  shape.positions = chosen("positions", "learned", "rotary") == "learned" ? Positions::learned : Positions::rotary;
  shape.rotary_base = options.real("rotary_base");
  const std::string mlp = chosen("mlp", "gelu_tanh", "swiglu");
  shape.mlp = mlp == "swiglu" ? Mlp::swiglu : mlp == "gelu" ? Mlp::gelu : Mlp::gelu_tanh;
  const std::string biases = chosen("bias", "all", "none");
  shape.biases = biases == "all" ? Biases::all : biases == "qkv" ? Biases::qkv : Biases::none;
  shape.fused_qkv = chosen("qkv", "fused", "separate") == "fused";
  shape.tied_head = chosen("head", "tied", "untied") == "tied";
  shape.weight_deviation = options.real("weight_deviation");
  check(shape, options);
  return shape;
}

std::vector<Option> transformer_options() {
  using Type = Option::Type;
  const auto required = [](const char* name, const char* help) {
    return Option{name, Type::integer, true, {}, help, {}};
  };
  const auto integer = [](const char* name, int64_t value, const char* help) {
    return Option{name, Type::integer, false, value, help, {}};
  };
  const auto real = [](const char* name, double value, const char* help) {
    return Option{name, Type::real, false, value, help, {}};
  };
  const auto choice = [](const char* name, const char* help, std::vector<std::string> choices) {
    const std::string fallback = choices.front();
    return Option{name, Type::text, false, fallback, help, std::move(choices)};
  };
  return {
      choice("names", "of the parameters, their layout, and what `auto` stands for", {"gpt2", "llama"}),
      required("vocabulary", "tokens, not a symmetry"),
      required("layers", "blocks of attention and multilayer perceptron"),
      required("width", "of the residual stream, one label for all blocks"),
      required("heads", "of queries"),
      integer("context", 1024, "rows of the learned positions; rotary ones have no end"),
      integer("kv_heads", 0, "heads of keys and values, each for a group of queries; 0: heads"),
      integer("head_width", 0, "entries of one head; 0: width / heads"),
      integer("mlp_width", 0, "hidden units; 0: 4 * width"),
      choice("norm", "gpt2: layer_norm, llama: rms_norm", {"auto", "layer_norm", "rms_norm"}),
      choice("norm_position", "before each branch, with one more at the end, or after each addition", {"pre", "post"}),
      real("norm_epsilon", 1e-5, "added to the variance"),
      choice("positions", "gpt2: learned, llama: rotary", {"auto", "learned", "rotary"}),
      real("rotary_base", 10000.0, "ratio of the fastest and the slowest pair"),
      choice("qkv", "gpt2: fused, llama: separate", {"auto", "fused", "separate"}),
      choice("mlp", "gpt2: gelu_tanh, llama: swiglu", {"auto", "gelu", "gelu_tanh", "swiglu"}),
      choice("bias", "of linear maps; gpt2: all, llama: none", {"auto", "all", "qkv", "none"}),
      choice("head", "gpt2: tied to the embedding, llama: untied", {"auto", "tied", "untied"}),
      real("weight_deviation", 0.02, "of initial weights; projections into the stream: over sqrt(2 * layers)")};
}

}  // namespace nfopt::transformer
