#include "resnet_network.h"

#include <nfopt/runtime/network/channel_norm.h>
#include <nfopt/runtime/network/initialization.h>
#include <nfopt/runtime/network/ops/conv2d.h>
#include <nfopt/runtime/network/ops/linear.h>
#include <nfopt/runtime/network/ops/pooling.h>
#include <torch/types.h>

#include <utility>

namespace nfopt::resnet {
namespace {

class ResnetNetwork final : public Network {
 public:
  ResnetNetwork(ResnetShape shape, ops::Activation activation, std::string initialization)
      : shape_(std::move(shape)),
        norm_(shape_.norm, shape_.norm_groups),
        activation_(activation),
        initialization_(std::move(initialization)) {}

  void initialize(Members& w, const Rng& rng) const override {
    initialize(shape_.stem, w, rng);
    for (const ResidualBlock& block : shape_.blocks) {
      for (const NormedConv& conv : block.convs) initialize(conv, w, rng);
      for (const NormedConv& conv : block.downsample) initialize(conv, w, rng);
    }
    initialize_weight(w, "fc.weight", "pytorch", rng);  // as in torchvision: the scheme is that of the convolutions
    initialize_bias(w, "fc.bias", "pytorch", shape_.last().out, rng);
  }

  at::Tensor forward(Members& w, const at::Tensor& x, const Pass& pass) const override {
    at::Tensor h = activation_(apply(shape_.stem, ops::images(x, shape_.input), w, pass));
    if (shape_.stem_pool) h = ops::max_pool(h, {.size = 3, .stride = 2, .padding = 1});
    for (const ResidualBlock& block : shape_.blocks) {
      at::Tensor inner = h;
      for (const NormedConv& conv : block.convs) {
        inner = apply(conv, inner, w, pass);
        if (&conv != &block.convs.back()) inner = activation_(inner);
      }
      for (const NormedConv& conv : block.downsample) h = apply(conv, h, w, pass);
      h = activation_(h + inner);
    }
    return ops::linear(ops::global_average_pool(h), w["fc.weight"], w["fc.bias"]);
  }

 private:
  void initialize(const NormedConv& conv, Members& w, const Rng& rng) const {
    initialize_weight(w, conv.conv + ".weight", initialization_, rng);
    norm_.initialize(w, conv.norm);
  }

  at::Tensor apply(const NormedConv& conv, const at::Tensor& x, Members& w, const Pass& pass) const {
    const at::Tensor y =
        ops::conv2d(x, w[conv.conv + ".weight"], {}, {.stride = conv.stride, .padding = conv.kernel / 2});
    return norm_(y, w, conv.norm, pass);
  }

  ResnetShape shape_;
  ChannelNorm norm_;
  ops::Activation activation_;
  std::string initialization_;
};

}  // namespace

std::unique_ptr<Network> make_resnet_network(ResnetShape shape, ops::Activation activation,
                                             std::string initialization) {
  return std::make_unique<ResnetNetwork>(std::move(shape), activation, std::move(initialization));
}

}  // namespace nfopt::resnet
