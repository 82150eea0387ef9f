#include <nfopt/nflayers/layers/nfn/network_spec.h>
#include <nfopt/nflayers/spec/error.h>

#include <sstream>

namespace nfopt {
namespace {

std::string text(const std::vector<int64_t>& shape) {
  std::ostringstream stream;
  stream << at::IntArrayRef(shape);
  return stream.str();
}

bool agree(int64_t a, int64_t b) { return a == b || a < 0 || b < 0; }

void require_sizes(const NetworkSpec& spec, const char* what) {
  for (const auto* arrays : {&spec.weight_spec(), &spec.bias_spec()})
    for (const ArraySpec& array : *arrays)
      for (int64_t size : array.shape)
        if (size < 0)
          throw Error("layer", std::string(what) + " needs all sizes, but " + text(array.shape) +
                                   " leaves one open (-1). Make the spec with set_all_dims.");
}

}  // namespace

NetworkSpec::NetworkSpec(std::vector<ArraySpec> weight_spec, std::vector<ArraySpec> bias_spec)
    : weight_spec_(std::move(weight_spec)), bias_spec_(std::move(bias_spec)) {
  if (weight_spec_.empty() || weight_spec_.size() != bias_spec_.size())
    throw Error("layer", "a network spec needs at least one layer and one bias per weight: received " +
                             std::to_string(weight_spec_.size()) + " weights and " + std::to_string(bias_spec_.size()) +
                             " biases.");
  std::ostringstream problems;
  for (size_t i = 0; i < size(); ++i) {
    const auto &w = weight_spec_[i].shape, &b = bias_spec_[i].shape;
    if (w.size() < 2)
      problems << "\n       weight " << i << ": expected [rows, columns, kernel...], received " << text(w);
    else if (b.size() != 1 || !agree(b[0], w[0]))
      problems << "\n       bias " << i << ": expected [" << w[0] << "], received " << text(b);
    else if (i > 0 && weight_spec_[i - 1].shape.size() >= 2 && !agree(w[1], weight_spec_[i - 1].shape[0]))
      problems << "\n       weight " << i << ": expected " << weight_spec_[i - 1].shape[0]
               << " columns, the rows of the weight before, received " << text(w);
  }
  if (problems.tellp() > 0) throw Error("layer", "layers that do not form a feed-forward network:" + problems.str());
}

std::pair<int64_t, int64_t> NetworkSpec::get_io() const {
  return {weight_spec_.front().shape[1], weight_spec_.back().shape[0]};
}

int64_t NetworkSpec::get_num_params() const {
  require_sizes(*this, "the number of parameters");
  int64_t total = 0;
  for (const auto* arrays : {&weight_spec_, &bias_spec_})
    for (const ArraySpec& array : *arrays) {
      int64_t product = 1;
      for (int64_t size : array.shape) product *= size;
      total += product;
    }
  return total;
}

WeightSpacePtr NetworkSpec::weight_space(const std::vector<std::string>& names) const {
  require_sizes(*this, "a weight space");
  if (!names.empty() && names.size() != 2 * size())
    throw Error("layer", "expected " + std::to_string(2 * size()) + " tensor names, received " +
                             std::to_string(names.size()) + ".");
  auto label = [&](size_t axis) {
    return axis == 0 ? std::string("~in") : axis == size() ? std::string("~out") : "h" + std::to_string(axis);
  };
  std::vector<TensorDescription> tensors;
  for (size_t i = 0; i < size(); ++i) {
    const std::string layer = std::to_string(i);
    std::string axes = "[" + label(i + 1) + ", " + label(i);
    for (size_t k = 2; k < weight_spec_[i].shape.size(); ++k) axes += ", *";
    TensorDescription weight, bias;
    weight.name = names.empty() ? layer + ".weight" : names[2 * i];
    weight.shape = weight_spec_[i].shape;
    weight.axes = axes + "]";
    weight.block = layer;
    bias.name = names.empty() ? layer + ".bias" : names[2 * i + 1];
    bias.shape = bias_spec_[i].shape;
    bias.axes = "[" + label(i + 1) + "]";
    bias.role = Role::bias;
    bias.block = layer;
    tensors.push_back(std::move(weight));
    tensors.push_back(std::move(bias));
  }
  return std::make_shared<const WeightSpace>(std::move(tensors));
}

NetworkSpec network_spec_from_wsfeat(const WeightSpaceFeatures& features, bool set_all_dims) {
  std::vector<ArraySpec> weights, biases;
  for (size_t i = 0; i < features.size(); ++i) {
    const at::Tensor &w = features.weights()[i], &b = features.biases()[i];
    if (w.dim() < 4 || b.dim() != 3) {
      std::ostringstream shapes;
      shapes << w.sizes() << " and " << b.sizes();
      throw Error("layer",
                  "layer " + std::to_string(i) +
                      ": expected a weight [B, C, rows, columns, kernel...] and a bias [B, C, rows], received " +
                      shapes.str() + ".");
    }
    std::vector<int64_t> rows = w.sizes().slice(2).vec(), bias = b.sizes().slice(2).vec();
    if (!set_all_dims) {
      if (i > 0) rows[1] = -1;
      if (i + 1 < features.size()) rows[0] = bias[0] = -1;
    }
    weights.push_back({std::move(rows)});
    biases.push_back({std::move(bias)});
  }
  return {std::move(weights), std::move(biases)};
}

NetworkSpec network_spec_from_module(const torch::nn::Module& module) {
  std::vector<ArraySpec> weights, biases;
  bool bias = false;
  for (const auto& parameter : module.named_parameters()) {
    const std::string& name = parameter.key();
    const char* expected = bias ? "bias" : "weight";
    if (name.size() < 4 || name.find(expected, name.rfind('.') + 1) == std::string::npos)
      throw Error("layer",
                  "a module is a feed-forward network if its parameters are weight, bias, weight, ...: expected "
                  "a " +
                      std::string(expected) + ", found '" + name + "'. Describe other networks in the axis language.");
    (bias ? biases : weights).push_back({parameter.value().sizes().vec()});
    bias = !bias;
  }
  return {std::move(weights), std::move(biases)};
}

WeightSpacePtr weight_space_from_module(const torch::nn::Module& module) {
  std::vector<std::string> names;
  for (const auto& parameter : module.named_parameters()) names.push_back(parameter.key());
  return network_spec_from_module(module).weight_space(names);
}

}  // namespace nfopt
