#pragma once

#include <nfopt/runtime/plugin/options.h>

#include <cstdint>
#include <string>
#include <vector>

namespace nfopt::transformer {

enum class Names : uint8_t { gpt2, llama };
enum class Norm : uint8_t { layer_norm, rms_norm };
enum class NormPosition : uint8_t { pre, post };
enum class Positions : uint8_t { learned, rotary };
enum class Mlp : uint8_t { gelu, gelu_tanh, swiglu };
enum class Biases : uint8_t { none, qkv, all };

/// A decoder with every choice made: options that say `auto` follow the model that the names come from.
struct TransformerShape {
  Names names;
  int64_t vocabulary;
  int64_t context;
  int64_t layers;
  int64_t width;
  int64_t heads;
  int64_t groups;  ///< of queries; each has one head of keys and values
  int64_t head_width;
  int64_t mlp_width;
  Norm norm;
  NormPosition norm_position;
  double norm_epsilon;
  Positions positions;
  double rotary_base;
  Mlp mlp;
  Biases biases;
  bool fused_qkv;
  bool tied_head;
  double weight_deviation;

  bool grouped() const { return groups != heads; }
  bool qkv_bias() const { return biases != Biases::none; }
  bool all_biases() const { return biases == Biases::all; }
  /// A bias of the keys adds the same q . b to every score of a query, which the softmax cancels: a parameter without
  /// effect, unless rotary positions turn it. Within a fused map it has its place all the same.
  bool key_bias() const { return qkv_bias() && positions == Positions::rotary; }
};

/// Throws Error that lists every option out of range.
TransformerShape transformer_shape(const Options& options);

std::vector<Option> transformer_options();

}  // namespace nfopt::transformer
