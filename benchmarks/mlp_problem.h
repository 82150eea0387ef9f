#pragma once

#include <ATen/ATen.h>
#include <nfopt/nflayers/random/tensor_random.h>
#include <nfopt/nflayers/spec/weight_space.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace nfopt {

/// A perceptron whose parameters are stepped: layer widths, input first.
struct Network {
  const char* name;
  std::vector<int64_t> widths;
};
inline const Network kNetworks[] = {{"64-32-10", {64, 32, 10}}, {"784-128-128-10", {784, 128, 128, 10}}};

/// Its weight space: pixels and classes ordered, hidden units a symmetry.
inline WeightSpacePtr space_of(const Network& network) {
  std::vector<TensorDescription> tensors;
  const size_t layers = network.widths.size() - 1;
  const auto label = [&](size_t k) {
    return k == 0 ? std::string("~in") : k == layers ? std::string("~out") : "h" + std::to_string(k);
  };
  for (size_t k = 0; k < layers; ++k) {
    TensorDescription weight, bias;
    weight.name = "fc" + std::to_string(k) + ".weight";
    weight.shape = {network.widths[k + 1], network.widths[k]};
    weight.axes = "[" + label(k + 1) + ", " + label(k) + "]";
    bias.name = "fc" + std::to_string(k) + ".bias";
    bias.shape = {network.widths[k + 1]};
    bias.axes = "[" + label(k + 1) + "]";
    bias.role = Role::bias;
    tensors.push_back(weight);
    tensors.push_back(bias);
  }
  return std::make_shared<const WeightSpace>(std::move(tensors));
}

/// Normal values [members, shape...] for every tensor of the space, float32.
inline std::vector<at::Tensor> random_list(const WeightSpace& space, int64_t members, const Rng& rng,
                                           double deviation) {
  std::vector<at::Tensor> list;
  for (const Tensor& t : space.tensors()) {
    std::vector<int64_t> shape = {members};
    shape.insert(shape.end(), t.shape.begin(), t.shape.end());
    at::Tensor values = at::empty(shape);
    list.push_back(fill_normal(values, rng.purpose(t.name), 0, deviation));
  }
  return list;
}

}  // namespace nfopt
