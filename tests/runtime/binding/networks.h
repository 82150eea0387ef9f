#pragma once

#include <nfopt/nflayers/spec/weight_space.h>
#include <torch/torch.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/errors.h"

namespace nfopt {

/// 5-4-3 with the names of the architecture `mlp`.
struct TwoLayers : torch::nn::Module {
  TwoLayers() {
    layers = register_module("layers", torch::nn::ModuleList());
    layers->push_back(torch::nn::Linear(5, 4));
    layers->push_back(torch::nn::Linear(4, 3));
  }
  at::Tensor forward(const at::Tensor& x) {
    return layers[1]->as<torch::nn::Linear>()->forward(torch::relu(layers[0]->as<torch::nn::Linear>()->forward(x)));
  }
  torch::nn::ModuleList layers{nullptr};
};

inline WeightSpacePtr two_layer_space() {
  const auto tensor = [](const char* name, const char* axes, Role role) {
    TensorDescription description;
    description.name = name;
    description.axes = axes;
    description.role = role;
    return description;
  };
  return std::make_shared<const WeightSpace>(std::vector<TensorDescription>{
      tensor("layers.0.weight", "[h=4, ~in=5]", Role::weight), tensor("layers.0.bias", "[h]", Role::bias),
      tensor("layers.1.weight", "[~out=3, h]", Role::weight), tensor("layers.1.bias", "[~out]", Role::bias)});
}

/// A module under another one, as wrappers leave it: "module.", "net.model.".
struct Wrapped : torch::nn::Module {
  Wrapped(const std::vector<std::string>& path, std::shared_ptr<torch::nn::Module> inner) {
    torch::nn::Module* at = this;
    std::vector<std::shared_ptr<torch::nn::Module>> between;
    for (size_t i = 0; i + 1 < path.size(); ++i)
      at = at->register_module(path[i], std::make_shared<torch::nn::Module>()).get();
    at->register_module(path.back(), std::move(inner));
  }
};

using testing::expect_error;

}  // namespace nfopt
