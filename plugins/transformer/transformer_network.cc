#include "transformer_network.h"

#include "transformer_names.h"

#include <nfopt/nflayers/spec/error.h>
#include <nfopt/runtime/network/initialization.h>
#include <nfopt/runtime/network/ops/activation.h>
#include <nfopt/runtime/network/ops/attention.h>
#include <nfopt/runtime/network/ops/embedding.h>
#include <nfopt/runtime/network/ops/layer_norm.h>
#include <nfopt/runtime/network/ops/linear.h>
#include <nfopt/runtime/network/ops/rms_norm.h>
#include <nfopt/runtime/network/ops/rotary.h>
#include <torch/types.h>

#include <cmath>
#include <sstream>
#include <utility>

namespace nfopt::transformer {
namespace {

class TransformerNetwork final : public Network {
 public:
  explicit TransformerNetwork(TransformerShape shape)
      : shape_(std::move(shape)),
        names_(model_names(shape_.names)),
        activation_(ops::activation(shape_.mlp == Mlp::swiglu ? "silu"
                                    : shape_.mlp == Mlp::gelu ? "gelu"
                                                              : "gelu_tanh")) {
    for (int64_t layer = 0; layer < shape_.layers; ++layer) blocks_.push_back(block_names(shape_.names, layer));
  }

  // GPT-2's: normal weights and tables, and the 2 * layers projections that add to the stream start smaller, so that
  // the variance of the stream does not grow with depth.
  void initialize(Members& w, const Rng& rng) const override {
    const double into_stream = shape_.weight_deviation / std::sqrt(2.0 * static_cast<double>(shape_.layers));
    for (const Tensor& tensor : w.space()->tensors()) {
      switch (tensor.role) {
        case Role::scale:
          initialize_constant(w, tensor.name, 1.0);
          break;
        case Role::bias:
          initialize_constant(w, tensor.name, 0.0);
          break;
        default:
          initialize_normal(w, tensor.name, shape_.weight_deviation, rng);
      }
    }
    for (const BlockNames& block : blocks_) {
      initialize_normal(w, block.attention_out + ".weight", into_stream, rng);
      initialize_normal(w, block.down + ".weight", into_stream, rng);
    }
  }

  at::Tensor forward(Members& w, const at::Tensor& x, const Pass&) const override {
    check(x);
    at::Tensor stream = ops::embedding(x, w[names_.embedding + ".weight"]);
    if (shape_.positions == Positions::learned) {
      stream = stream + w[names_.positions + ".weight"].narrow(1, 0, x.size(2)).unsqueeze(1);
    }
    for (const BlockNames& block : blocks_) {
      if (shape_.norm_position == NormPosition::pre) {
        stream = stream + attention(w, block, norm(w, block.attention_norm, stream));
        stream = stream + mlp(w, block, norm(w, block.mlp_norm, stream));
      } else {
        stream = norm(w, block.attention_norm, stream + attention(w, block, stream));
        stream = norm(w, block.mlp_norm, stream + mlp(w, block, stream));
      }
    }
    if (shape_.norm_position == NormPosition::pre) stream = norm(w, names_.final_norm, stream);
    return ops::linear(stream, w[(shape_.tied_head ? names_.embedding : names_.head) + ".weight"]);
  }

 private:
  at::Tensor norm(const Members& w, const std::string& name, const at::Tensor& x) const {
    if (shape_.norm == Norm::rms_norm) return ops::rms_norm(x, w[name + ".weight"], shape_.norm_epsilon);
    return ops::layer_norm(x, w[name + ".weight"], w[name + ".bias"], shape_.norm_epsilon);
  }

  at::Tensor linear(const Members& w, const std::string& name, const at::Tensor& x, bool bias) const {
    const at::Tensor& weight = w[name + ".weight"];
    const at::Tensor rows = shape_.names == Names::gpt2 ? weight.transpose(1, 2) : weight;
    return ops::linear(x, rows, bias ? w[name + ".bias"] : at::Tensor());
  }

  at::Tensor attention(const Members& w, const BlockNames& names, const at::Tensor& x) const {
    const int64_t queries = shape_.heads * shape_.head_width, keys = shape_.groups * shape_.head_width;
    at::Tensor q, k, v;
    if (shape_.fused_qkv) {
      const auto parts = linear(w, names.qkv, x, shape_.qkv_bias()).split_with_sizes({queries, keys, keys}, -1);
      q = parts[0], k = parts[1], v = parts[2];
    } else {
      q = linear(w, names.q, x, shape_.qkv_bias());
      k = linear(w, names.k, x, shape_.key_bias());
      v = linear(w, names.v, x, shape_.qkv_bias());
    }
    q = ops::split_heads(q, shape_.heads), k = ops::split_heads(k, shape_.groups),
    v = ops::split_heads(v, shape_.groups);
    if (shape_.positions == Positions::rotary) {
      q = ops::rotary(q, shape_.rotary_base), k = ops::rotary(k, shape_.rotary_base);
    }
    const at::Tensor y = ops::join_heads(ops::attention(q, k, v, ops::Visible::past));
    return linear(w, names.attention_out, y, shape_.all_biases());
  }

  at::Tensor mlp(const Members& w, const BlockNames& names, const at::Tensor& x) const {
    const bool all = shape_.all_biases();
    at::Tensor hidden = linear(w, names.up, x, all);
    hidden = shape_.mlp == Mlp::swiglu ? activation_(linear(w, names.gate, x, all)) * hidden : activation_(hidden);
    return linear(w, names.down, hidden, all);
  }

  void check(const at::Tensor& x) const {
    const bool fits =
        x.dim() == 3 && x.size(2) >= 1 && (shape_.positions == Positions::rotary || x.size(2) <= shape_.context);
    if (fits) return;
    std::ostringstream text;
    text << "Expected tokens x [P|1, B, T]";
    if (shape_.positions == Positions::learned) text << " with T up to context = " << shape_.context;
    text << ", received " << x.sizes() << ".";
    throw Error("transformer", text.str());
  }

  TransformerShape shape_;
  ModelNames names_;
  std::vector<BlockNames> blocks_;
  ops::Activation activation_;
};

}  // namespace

std::unique_ptr<Network> make_transformer_network(TransformerShape shape) {
  return std::make_unique<TransformerNetwork>(std::move(shape));
}

}  // namespace nfopt::transformer
