#include <nfopt/nflayers/layers/nfn/weight_space_features.h>
#include <nfopt/nflayers/spec/error.h>
#include <torch/torch.h>

#include <string>

namespace nfopt {
namespace {

void require_equal_depth(size_t a, size_t b) {
  if (a != b)
    throw Error("layer",
                "features of " + std::to_string(a) + " and " + std::to_string(b) + " layers cannot be combined.");
}

}  // namespace

WeightSpaceFeatures::WeightSpaceFeatures(std::vector<at::Tensor> weights, std::vector<at::Tensor> biases)
    : weights_(std::move(weights)), biases_(std::move(biases)) {
  if (weights_.size() != biases_.size())
    throw Error("layer", "features need one bias per weight: received " + std::to_string(weights_.size()) +
                             " weights and " + std::to_string(biases_.size()) + " biases.");
}

WeightSpaceFeatures WeightSpaceFeatures::from_zipped(const std::vector<std::pair<at::Tensor, at::Tensor>>& pairs) {
  std::vector<at::Tensor> weights, biases;
  for (const auto& [weight, bias] : pairs) {
    weights.push_back(weight);
    biases.push_back(bias);
  }
  return {std::move(weights), std::move(biases)};
}

std::pair<at::Tensor, at::Tensor> WeightSpaceFeatures::operator[](int64_t layer) const {
  const auto layers = static_cast<int64_t>(size());
  const int64_t i = layer < 0 ? layer + layers : layer;
  if (i < 0 || i >= layers)
    throw Error("layer", "there is no layer " + std::to_string(layer) + " among " + std::to_string(layers) + ".");
  return {weights_[i], biases_[i]};
}

WeightSpaceFeatures WeightSpaceFeatures::slice(size_t first, size_t last) const {
  if (first > last || last > size())
    throw Error("layer", "layers " + std::to_string(first) + " to " + std::to_string(last) + " are not within " +
                             std::to_string(size()) + ".");
  const auto a = static_cast<std::ptrdiff_t>(first), b = static_cast<std::ptrdiff_t>(last);
  return {{weights_.begin() + a, weights_.begin() + b}, {biases_.begin() + a, biases_.begin() + b}};
}

std::vector<std::pair<at::Tensor, at::Tensor>> WeightSpaceFeatures::zipped() const {
  std::vector<std::pair<at::Tensor, at::Tensor>> pairs;
  for (size_t i = 0; i < size(); ++i) pairs.emplace_back(weights_[i], biases_[i]);
  return pairs;
}

WeightSpaceFeatures WeightSpaceFeatures::operator+(const WeightSpaceFeatures& other) const {
  require_equal_depth(size(), other.size());
  WeightSpaceFeatures result = *this;
  for (size_t i = 0; i < size(); ++i) {
    result.weights_[i] = weights_[i] + other.weights_[i];
    result.biases_[i] = biases_[i] + other.biases_[i];
  }
  return result;
}

WeightSpaceFeatures WeightSpaceFeatures::operator*(const WeightSpaceFeatures& other) const {
  require_equal_depth(size(), other.size());
  WeightSpaceFeatures result = *this;
  for (size_t i = 0; i < size(); ++i) {
    result.weights_[i] = weights_[i] * other.weights_[i];
    result.biases_[i] = biases_[i] * other.biases_[i];
  }
  return result;
}

WeightSpaceFeatures WeightSpaceFeatures::operator*(const at::Tensor& factor) const {
  return map([&](const at::Tensor& t) { return t * factor; });
}

WeightSpaceFeatures WeightSpaceFeatures::operator*(double factor) const {
  return map([&](const at::Tensor& t) { return t * factor; });
}

WeightSpaceFeatures WeightSpaceFeatures::map(const std::function<at::Tensor(const at::Tensor&)>& f) const {
  WeightSpaceFeatures result = *this;
  for (at::Tensor& t : result.weights_) t = f(t);
  for (at::Tensor& t : result.biases_) t = f(t);
  return result;
}

WeightSpaceFeatures WeightSpaceFeatures::detach() const {
  return map([](const at::Tensor& t) { return t.detach(); });
}

WeightSpaceFeatures WeightSpaceFeatures::to(at::Device device) const {
  return map([&](const at::Tensor& t) { return t.to(device); });
}

std::vector<at::Tensor> WeightSpaceFeatures::in_order() const {
  std::vector<at::Tensor> x;
  for (size_t i = 0; i < size(); ++i) {
    x.push_back(weights_[i].unsqueeze(0));
    x.push_back(biases_[i].unsqueeze(0));
  }
  return x;
}

WeightSpaceFeatures WeightSpaceFeatures::from_order(const std::vector<at::Tensor>& x) {
  if (x.size() % 2 != 0)
    throw Error("layer",
                "weights and biases in turn are an even number of tensors, received " + std::to_string(x.size()) + ".");
  std::vector<at::Tensor> weights, biases;
  for (size_t i = 0; i < x.size(); ++i) {
    if (x[i].dim() == 0 || x[i].size(0) != 1)
      throw Error("layer", "features of nfn have no population: expected [1, B, C, shape...] for tensor " +
                               std::to_string(i) + ".");
    (i % 2 == 0 ? weights : biases).push_back(x[i].squeeze(0));
  }
  return {std::move(weights), std::move(biases)};
}

WeightSpaceFeatures collate(const std::vector<WeightSpaceFeatures>& networks) {
  if (networks.empty()) throw Error("layer", "collate needs at least one network.");
  std::vector<at::Tensor> weights, biases;
  for (size_t i = 0; i < networks.front().size(); ++i) {
    std::vector<at::Tensor> w, b;
    for (const WeightSpaceFeatures& network : networks) {
      require_equal_depth(networks.front().size(), network.size());
      w.push_back(network.weights()[i]);
      b.push_back(network.biases()[i]);
    }
    weights.push_back(at::stack(w));
    biases.push_back(at::stack(b));
  }
  return {std::move(weights), std::move(biases)};
}

}  // namespace nfopt
