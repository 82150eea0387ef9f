// Light headers only (ATen/core/Tensor.h behind them): torch/torch.h would cost 20 s of compile time.

#include "example_net_network.h"

#include <nfopt/nflayers/spec/error.h>
#include <nfopt/runtime/network/initialization.h>
#include <nfopt/runtime/network/ops/activation.h>
#include <nfopt/runtime/network/ops/linear.h>

namespace example_net_plugin {
namespace {

class ExampleNetNetwork final : public nfopt::Network {
 public:
  explicit ExampleNetNetwork(const ExampleNetShape& shape)
      : shape_(shape), activation_(nfopt::ops::activation(shape.activation)) {}

  void initialize(nfopt::Members& w, const nfopt::Rng& rng) const override {
    initialize_linear(w, "input", shape_.input_size, rng);
    for (int64_t i = 0; i < shape_.depth; ++i) {
      initialize_linear(w, block_name(i) + ".up", shape_.width, rng);
      initialize_linear(w, block_name(i) + ".down", shape_.hidden, rng);
    }
    initialize_linear(w, "output", shape_.width, rng);
  }

  at::Tensor forward(nfopt::Members& w, const at::Tensor& x, const nfopt::Pass&) const override {
    at::Tensor h = linear(w, "input", flattened(x));
    for (int64_t i = 0; i < shape_.depth; ++i) {
      const at::Tensor units = activation_(linear(w, block_name(i) + ".up", h));
      h = h.add(linear(w, block_name(i) + ".down", units));
    }
    return linear(w, "output", h);
  }

 private:
  static void initialize_linear(nfopt::Members& w, const std::string& layer, int64_t fan_in, const nfopt::Rng& rng) {
    nfopt::initialize_weight(w, layer + ".weight", "pytorch", rng);
    nfopt::initialize_bias(w, layer + ".bias", "pytorch", fan_in, rng);
  }
  static at::Tensor linear(const nfopt::Members& w, const std::string& layer, const at::Tensor& x) {
    return nfopt::ops::linear(x, w[layer + ".weight"], w[layer + ".bias"]);
  }

  // [P|1, B, ..] -> [P|1, B, input_size]
  at::Tensor flattened(const at::Tensor& x) const {
    if (x.dim() >= 3) {
      at::Tensor flat = x.flatten(2);
      if (flat.size(2) == shape_.input_size) return flat;
    }
    std::string shape;
    for (const int64_t size : x.sizes()) shape += (shape.empty() ? "" : ", ") + std::to_string(size);
    throw nfopt::Error("example_net", "Expected x [P|1, B, ..] with input_size = " + std::to_string(shape_.input_size) +
                                          " entries per example, received [" + shape + "].");
  }

  ExampleNetShape shape_;
  nfopt::ops::Activation activation_;
};

}  // namespace

std::string block_name(int64_t block) { return "blocks." + std::to_string(block); }

std::unique_ptr<nfopt::Network> make_network(const ExampleNetShape& shape) {
  return std::make_unique<ExampleNetNetwork>(shape);
}

}  // namespace example_net_plugin
