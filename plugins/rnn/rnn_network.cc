#include "rnn_network.h"

#include <nfopt/nflayers/spec/error.h>
#include <nfopt/runtime/network/initialization.h>
#include <nfopt/runtime/network/ops/embedding.h>
#include <nfopt/runtime/network/ops/gru.h>
#include <nfopt/runtime/network/ops/linear.h>
#include <nfopt/runtime/network/ops/lstm.h>
#include <nfopt/runtime/network/ops/rnn.h>
#include <torch/types.h>

#include <cmath>
#include <sstream>
#include <utility>

namespace nfopt::rnn {
namespace {

class RnnNetwork final : public Network {
 public:
  explicit RnnNetwork(RnnShape shape) : shape_(std::move(shape)) {}

  // PyTorch's: recurrent layers uniform in +-1/sqrt(hidden_size), the table standard normal. An IRNN begins as an
  // accumulator: identity, almost silent inputs, no biases (arXiv:1504.00941).
  void initialize(Members& w, const Rng& rng) const override {
    const bool irnn = shape_.cell == Cell::irnn;
    const double bound = 1.0 / std::sqrt(static_cast<double>(shape_.hidden_size));
    if (shape_.vocabulary > 0) initialize_normal(w, "embedding.weight", 1.0, rng);
    for (int64_t layer = 0; layer < shape_.layers; ++layer) {
      for (const std::string& tail : shape_.tails(layer)) {
        if (irnn) {
          initialize_normal(w, "weight_ih" + tail, 1e-3, rng);
          initialize_identity(w["weight_hh" + tail]);
        } else {
          initialize_uniform(w, "weight_ih" + tail, bound, rng);
          initialize_uniform(w, "weight_hh" + tail, bound, rng);
        }
        if (shape_.bias) {
          initialize_uniform(w, "bias_ih" + tail, irnn ? 0.0 : bound, rng);
          initialize_uniform(w, "bias_hh" + tail, irnn ? 0.0 : bound, rng);
        }
        if (shape_.projection > 0) initialize_uniform(w, "weight_hr" + tail, bound, rng);
      }
    }
    if (shape_.learned_state) {
      initialize_constant(w, "h0", 0.0);
      if (shape_.cell == Cell::lstm) initialize_constant(w, "c0", 0.0);
    }
    const int64_t read = shape_.state_size() * (shape_.bidirectional ? 2 : 1);
    initialize_weight(w, "head.weight", "pytorch", rng);
    if (shape_.bias) initialize_bias(w, "head.bias", "pytorch", read, rng);
  }

  at::Tensor forward(Members& w, const at::Tensor& x, const Pass&) const override {
    at::Tensor below = shape_.vocabulary > 0 ? ops::embedding(tokens(x), w["embedding.weight"]) : sequence(x);
    std::vector<at::Tensor> above;
    for (int64_t layer = 0; layer < shape_.layers; ++layer) {
      above.clear();
      const auto tails = shape_.tails(layer);
      for (size_t way = 0; way < tails.size(); ++way) {
        const auto direction = way == 0 ? ops::Direction::forward : ops::Direction::backward;
        const int64_t slice = layer * static_cast<int64_t>(tails.size()) + static_cast<int64_t>(way);
        above.push_back(run(w, tails[way], slice, direction, below));
      }
      below = at::cat(above, -1);
    }
    if (shape_.readout == Readout::final_state) {
      above.front() = above.front().select(2, -1);
      if (above.size() == 2) above.back() = above.back().select(2, 0);
      below = at::cat(above, -1);
    }
    return ops::linear(below, w["head.weight"], shape_.bias ? w["head.bias"] : at::Tensor());
  }

 private:
  static void initialize_identity(const at::Tensor& weight) {
    at::NoGradGuard no_grad;
    weight.copy_(at::eye(weight.size(1), weight.options()));
  }

  at::Tensor run(const Members& w, const std::string& tail, int64_t slice, ops::Direction direction,
                 const at::Tensor& x) const {
    ops::RecurrentWeights own{w["weight_ih" + tail], w["weight_hh" + tail], {}, {}, {}};
    if (shape_.bias) {
      own.input_bias = w["bias_ih" + tail];
      own.recurrent_bias = w["bias_hh" + tail];
    }
    if (shape_.projection > 0) own.projection = w["weight_hr" + tail];
    // [P, layers * directions, 1, size] -> [P, 1, size]
    const auto start = [&](const char* name) { return shape_.learned_state ? w[name].select(1, slice) : at::Tensor(); };
    switch (shape_.cell) {
      case Cell::lstm:
        return ops::lstm(x, own, direction, start("h0"), start("c0"));
      case Cell::gru:
        return ops::gru(x, own, direction, start("h0"));
      case Cell::rnn_tanh:
        return ops::rnn(x, own, ops::activation("tanh"), direction, start("h0"));
      case Cell::irnn:
      case Cell::rnn_relu:
        break;
    }
    return ops::rnn(x, own, ops::activation("relu"), direction, start("h0"));
  }

  static const at::Tensor& tokens(const at::Tensor& x) {
    if (x.dim() == 3) return x;
    throw_input("tokens x [P|1, B, T]", x);
  }

  at::Tensor sequence(const at::Tensor& x) const {
    if (x.dim() == 4 && x.size(3) == shape_.input_size) return x;
    if (x.dim() == 3 && x.size(2) > 0 && x.size(2) % shape_.input_size == 0) {
      return x.unflatten(2, {x.size(2) / shape_.input_size, shape_.input_size});
    }
    const std::string size = std::to_string(shape_.input_size);
    throw_input("x [P|1, B, T, " + size + "] or [P|1, B, T*" + size + "], input_size = " + size + ",", x);
  }

  [[noreturn]] static void throw_input(const std::string& expected, const at::Tensor& x) {
    std::ostringstream text;
    text << "Expected " << expected << " received " << x.sizes() << ".";
    throw Error("rnn", text.str());
  }

  RnnShape shape_;
};

}  // namespace

std::vector<std::string> RnnShape::tails(int64_t layer) const {
  const std::string tail = "_l" + std::to_string(layer);
  if (bidirectional) return {tail, tail + "_reverse"};
  return {tail};
}

std::unique_ptr<Network> make_rnn_network(RnnShape shape) { return std::make_unique<RnnNetwork>(std::move(shape)); }

}  // namespace nfopt::rnn
