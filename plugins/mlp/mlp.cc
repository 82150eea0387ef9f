// Multilayer perceptron, PyTorch parameter names and layouts.
//
//   layers.0.weight [h1, ~in]   layers.0.bias [h1]   layers.1.weight [~out, h1]   layers.1.bias [~out]
//
// Hidden units of one layer may be reordered together (Hecht-Nielsen 1990); inputs and outputs belong to the user.

#include "mlp_network.h"

#include <nfopt/nflayers/spec/error.h>
#include <nfopt/runtime/network/initialization.h>
#include <nfopt/runtime/network/network.h>
#include <nfopt/runtime/network/ops/activation.h>
#include <nfopt/runtime/plugin/plugin.h>

#include <utility>

namespace nfopt::mlp {
namespace {

// input_size, hidden.., output_size; throws Error that lists every width below 1.
std::vector<int64_t> widths(const Options& options) {
  std::vector<int64_t> widths = {options.integer("input_size")};
  const auto& hidden = options.integers("hidden");
  widths.insert(widths.end(), hidden.begin(), hidden.end());
  widths.push_back(options.integer("output_size"));

  std::string bad;
  for (size_t i = 0; i < widths.size(); ++i) {
    if (widths[i] >= 1) continue;
    const std::string option = i == 0                   ? "input_size"
                               : i + 1 == widths.size() ? "output_size"
                                                        : "hidden[" + std::to_string(i - 1) + "]";
    bad += (bad.empty() ? "" : ", ") + option + " = " + std::to_string(widths[i]);
  }
  if (!bad.empty()) throw Error("mlp", "Every width is at least 1: received " + bad + ".");
  return widths;
}

std::vector<std::string> initializations() {
  std::vector<std::string> names = initialization_names();
  names.emplace_back(kSirenInitialization);
  return names;
}

class Mlp final : public TrainableArchitecture {
 public:
  ArchitectureInfo info() const override {
    using Type = Option::Type;
    return {
        .name = "mlp",
        .summary = "multilayer perceptron, one label per hidden layer",
        .options = {
            {"input_size", Type::integer, true, {}, "entries of one flattened input, not a symmetry", {}},
            {"output_size", Type::integer, true, {}, "entries of one output, not a symmetry", {}},
            {"hidden", Type::integers, false, std::vector<int64_t>{}, "widths of the hidden layers", {}},
            {"activation", Type::text, false, std::string("relu"), "after every hidden layer", ops::activation_names()},
            {"initialization", Type::text, false, std::string("pytorch"), "of the weights", initializations()},
            {"bias", Type::boolean, false, true, "an affine map instead of a linear one", {}}}};
  }

  std::vector<TensorDescription> describe(const Options& options) const override {
    const std::vector<int64_t> width = widths(options);
    const size_t layers = width.size() - 1;
    const auto label = [&](size_t i) {
      const std::string size = "=" + std::to_string(width[i]);
      if (i == 0) return "~in" + size;
      return (i == layers ? "~out" : "h" + std::to_string(i)) + size;
    };
    std::vector<TensorDescription> tensors;
    for (size_t layer = 0; layer < layers; ++layer) {
      const std::string block = layer_name(layer);
      TensorDescription weight;
      weight.name = block + ".weight";
      weight.block = block;
      weight.axes = "[" + label(layer + 1) + ", " + label(layer) + "]";
      tensors.push_back(weight);
      if (!options.boolean("bias")) continue;
      TensorDescription bias;
      bias.name = block + ".bias";
      bias.role = Role::bias;
      bias.block = block;
      bias.axes = "[" + label(layer + 1) + "]";
      tensors.push_back(bias);
    }
    return tensors;
  }

  // Activation and initialization leave no trace in names and shapes: they keep their defaults.
  std::optional<std::map<std::string, OptionValue>> recognize(const NamedShapes& shapes) const override {
    const std::map<std::string, std::vector<int64_t>> by_name(shapes.begin(), shapes.end());
    std::vector<int64_t> width;
    size_t biases = 0;
    for (size_t layer = 0;; ++layer) {
      const auto weight = by_name.find(layer_name(layer) + ".weight");
      if (weight == by_name.end()) break;
      const auto& shape = weight->second;
      if (shape.size() != 2 || (layer > 0 && shape[1] != width.back())) return std::nullopt;
      if (layer == 0) width.push_back(shape[1]);
      width.push_back(shape[0]);
      const auto bias = by_name.find(layer_name(layer) + ".bias");
      if (bias == by_name.end()) continue;
      if (bias->second != std::vector<int64_t>{shape[0]}) return std::nullopt;
      ++biases;
    }
    if (width.empty()) return std::nullopt;
    const size_t layers = width.size() - 1;
    if ((biases != 0 && biases != layers) || shapes.size() != layers + biases) return std::nullopt;
    return std::map<std::string, OptionValue>{
        {"input_size", width.front()},
        {"output_size", width.back()},
        {"hidden", std::vector<int64_t>(width.begin() + 1, width.end() - 1)},
        {"bias", biases != 0},
    };
  }

  std::vector<Example> examples() const override {
    using Hidden = std::vector<int64_t>;
    const auto example = [](std::string name, Hidden hidden, std::map<std::string, OptionValue> more = {}) {
      more.insert({{"input_size", int64_t{6}}, {"output_size", int64_t{3}}, {"hidden", std::move(hidden)}});
      return Example{std::move(name), std::move(more), {6}};
    };
    const auto text = [](const char* value) { return OptionValue(std::string(value)); };
    return {
        example("linear", {}),
        example("one_hidden_layer", {5}),
        example("two_hidden_layers", {4, 5}, {{"activation", text("tanh")}}),
        example("deep", {7, 5, 4, 8}, {{"activation", text("gelu")}, {"initialization", text("he_normal")}}),
        example("no_bias", {5, 4}, {{"bias", false}, {"activation", text("silu")}}),
        example("one_unit_bottleneck", {5, 1, 4}, {{"activation", text("silu")}, {"initialization", text("haiku")}}),
        example("sines", {5, 4}, {{"activation", text("sine")}, {"initialization", text("siren")}}),
        example("equal_widths", {6, 6}, {{"initialization", text("orthogonal")}}),
        {"images", {{"input_size", int64_t{18}}, {"output_size", int64_t{4}}, {"hidden", Hidden{7}}}, {2, 3, 3}}};
  }

  std::unique_ptr<Network> network(const Options& options) const override {
    return make_mlp_network({.widths = widths(options),
                             .activation = ops::activation(options.text("activation")),
                             .initialization = options.text("initialization"),
                             .bias = options.boolean("bias")});
  }
};

}  // namespace

NFOPT_PLUGIN(Mlp, .id = "mlp", .version = NFOPT_VERSION, .author = "nfopt");

}  // namespace nfopt::mlp
