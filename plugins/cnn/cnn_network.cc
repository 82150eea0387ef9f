#include "cnn_network.h"

#include <nfopt/runtime/network/channel_norm.h>
#include <nfopt/runtime/network/initialization.h>
#include <nfopt/runtime/network/ops/conv2d.h>
#include <nfopt/runtime/network/ops/linear.h>
#include <nfopt/runtime/network/ops/pooling.h>
#include <torch/types.h>

#include <utility>

namespace nfopt::cnn {
namespace {

class CnnNetwork final : public Network {
 public:
  CnnNetwork(CnnShape shape, ops::Activation activation, std::string initialization)
      : shape_(std::move(shape)),
        norm_(shape_.norm, shape_.norm_groups),
        activation_(activation),
        initialization_(std::move(initialization)) {}

  void initialize(Members& w, const Rng& rng) const override {
    for (const Layer& layer : shape_.layers) {
      initialize_weight(w, layer.conv + ".weight", initialization_, rng);
      const int64_t fan_in = layer.in / layer.groups * layer.kernel * layer.kernel;
      if (!norm_.any()) initialize_bias(w, layer.conv + ".bias", initialization_, fan_in, rng);
      norm_.initialize(w, layer.norm);
    }
    initialize_weight(w, "fc.weight", initialization_, rng);
    initialize_bias(w, "fc.bias", initialization_, shape_.features(), rng);
  }

  at::Tensor forward(Members& w, const at::Tensor& x, const Pass& pass) const override {
    at::Tensor h = ops::images(x, shape_.input);
    for (const Layer& layer : shape_.layers) {
      const at::Tensor bias = norm_.any() ? at::Tensor() : w[layer.conv + ".bias"];
      h = ops::conv2d(h, w[layer.conv + ".weight"], bias,
                      {.stride = layer.stride, .padding = layer.padding, .groups = layer.groups});
      h = activation_(norm_(h, w, layer.norm, pass));
      if (layer.pool > 1) h = ops::max_pool(h, {.size = layer.pool, .stride = layer.pool});
    }
    // Row-major [C, H, W]: the channel is the slow factor of the head's columns.
    h = shape_.flatten ? h.flatten(2) : ops::global_average_pool(h);
    return ops::linear(h, w["fc.weight"], w["fc.bias"]);
  }

 private:
  CnnShape shape_;
  ChannelNorm norm_;
  ops::Activation activation_;
  std::string initialization_;
};

}  // namespace

std::unique_ptr<Network> make_cnn_network(CnnShape shape, ops::Activation activation, std::string initialization) {
  return std::make_unique<CnnNetwork>(std::move(shape), activation, std::move(initialization));
}

}  // namespace nfopt::cnn
