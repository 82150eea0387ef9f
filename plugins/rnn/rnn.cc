// Stacked recurrent networks (IRNN, plain, GRU, LSTM) with a linear head, PyTorch parameter names and layouts.
//
//   embedding.weight [~voc, e]   weight_ih_l0 [[*4, h_l0], e]   weight_hh_l0 [[*4, h_l0], h_l0]   bias_ih_l0 [[*4, h_l0]]
//
// The gates are stacked on axis 0 and move with one permutation: all of them gate the same unit.

#include <nfopt/nflayers/spec/error.h>
#include <nfopt/runtime/network/network.h>
#include <nfopt/runtime/plugin/plugin.h>
#include <nfopt/runtime/plugin/recognition.h>

#include <array>
#include <utility>

#include "rnn_network.h"

namespace nfopt::rnn {
namespace {

constexpr std::array<std::pair<const char*, Cell>, 5> kCells = {{{"irnn", Cell::irnn},
                                                                 {"rnn_tanh", Cell::rnn_tanh},
                                                                 {"rnn_relu", Cell::rnn_relu},
                                                                 {"gru", Cell::gru},
                                                                 {"lstm", Cell::lstm}}};

std::vector<std::string> cell_names() {
  std::vector<std::string> names;
  for (const auto& [name, cell] : kCells) names.emplace_back(name);
  return names;
}

// Throws Error that lists every option out of range.
RnnShape shape_of(const Options& options) {
  RnnShape shape{};
  for (const auto& [name, cell] : kCells) {
    if (options.text("cell") == name) shape.cell = cell;
  }
  shape.vocabulary = options.integer("vocabulary");
  shape.input_size = options.integer("input_size");
  shape.hidden_size = options.integer("hidden_size");
  shape.projection = options.integer("projection");
  shape.layers = options.integer("layers");
  shape.output_size = options.integer("output_size");
  shape.bidirectional = options.boolean("bidirectional");
  shape.bias = options.boolean("bias");
  shape.learned_state = options.boolean("learned_state");
  shape.readout = options.text("readout") == "every_step" ? Readout::every_step : Readout::final_state;
  if (shape.output_size == 0) shape.output_size = shape.vocabulary;

  std::string bad;
  const auto require = [&](bool holds, const std::string& problem) {
    if (!holds) bad += (bad.empty() ? "" : "; ") + problem;
  };
  const auto received = [&](const char* option) { return ", received " + std::to_string(options.integer(option)); };
  require(shape.input_size >= 1, "input_size is at least 1" + received("input_size"));
  require(shape.hidden_size >= 1, "hidden_size is at least 1" + received("hidden_size"));
  require(shape.layers >= 1, "layers is at least 1" + received("layers"));
  require(shape.vocabulary >= 0, "vocabulary is at least 0" + received("vocabulary"));
  require(shape.output_size >= 1,
          "output_size is at least 1 (0 stands for the vocabulary, if there is one)" + received("output_size"));
  require(shape.projection == 0 || shape.cell == Cell::lstm,
          "projection belongs to cell = lstm, received cell = " + options.text("cell"));
  require(shape.projection >= 0 && shape.projection < std::max<int64_t>(shape.hidden_size, 1),
          "projection is 0 (none) or smaller than hidden_size" + received("projection"));
  if (!bad.empty()) throw Error("rnn", "These options do not describe a network: " + bad + ".");
  return shape;
}

std::string label(const std::string& name, int64_t size) { return name + "=" + std::to_string(size); }

TensorDescription tensor(std::string name, Role role, std::string block, std::string axes) {
  TensorDescription tensor;
  tensor.name = std::move(name);
  tensor.role = role;
  tensor.block = std::move(block);
  tensor.axes = std::move(axes);
  return tensor;
}

// h0 or c0: slice i of axis 0 is what layer and direction i begin with.
TensorDescription initial_state(const std::string& name, const std::vector<std::string>& labels, int64_t size) {
  TensorDescription state = tensor(name, Role::other, name, "");
  state.shape = {static_cast<int64_t>(labels.size()), 1, size};
  if (labels.size() == 1) {
    state.axes = "[*1, *1, " + labels[0] + "]";
    return state;
  }
  for (size_t i = 0; i < labels.size(); ++i) {
    const auto start = static_cast<int64_t>(i);
    state.views.push_back({.axis = 0, .start = start, .stop = start + 1, .axes = "[*1, *1, " + labels[i] + "]"});
  }
  return state;
}

class Rnn final : public TrainableArchitecture {
 public:
  ArchitectureInfo info() const override {
    using Type = Option::Type;
    return {
        .name = "rnn",
        .summary = "stacked recurrent network (IRNN, RNN, GRU, LSTM), one label per layer and direction",
        .options = {
            {"cell", Type::text, false, std::string("lstm"), "irnn: relu that begins as the identity", cell_names()},
            {"input_size", Type::integer, true, {}, "entries of one step; width of the embedding", {}},
            {"hidden_size", Type::integer, true, {}, "units per layer and direction", {}},
            {"layers", Type::integer, false, int64_t{1}, "stacked layers", {}},
            {"bidirectional", Type::boolean, false, false, "the next layer reads forward | backward", {}},
            {"projection", Type::integer, false, int64_t{0}, "LSTM: width of the state; 0: hidden_size", {}},
            {"vocabulary", Type::integer, false, int64_t{0}, "tokens as inputs; 0: real numbers", {}},
            {"output_size", Type::integer, false, int64_t{0}, "entries of the head; 0: vocabulary", {}},
            {"readout",
             Type::text,
             false,
             std::string("every_step"),
             "what the head reads",
             {"every_step", "final_state"}},
            {"learned_state", Type::boolean, false, false, "parameters h0 (and c0) to begin with", {}},
            {"bias", Type::boolean, false, true, "in the cells and the head", {}}}};
  }

  std::vector<TensorDescription> describe(const Options& options) const override {
    const RnnShape shape = shape_of(options);
    std::vector<TensorDescription> tensors;
    std::string below = label(shape.vocabulary > 0 ? "e" : "~in", shape.input_size);
    if (shape.vocabulary > 0) {
      tensors.push_back(tensor("embedding.weight", Role::table, "embedding",
                               "[" + label("~voc", shape.vocabulary) + ", " + below + "]"));
    }
    std::vector<std::string> states, cells;
    for (int64_t layer = 0; layer < shape.layers; ++layer) {
      std::string above;
      for (const std::string& tail : shape.tails(layer)) {
        const std::string h = label("h" + tail, shape.hidden_size);
        const std::string state = shape.projection > 0 ? label("p" + tail, shape.projection) : h;
        const std::string gates = shape.gates() == 1 ? h : "[*" + std::to_string(shape.gates()) + ", " + h + "]";
        const std::string block = tail.substr(1);
        const auto add = [&](const std::string& name, Role role, const std::string& axes) {
          tensors.push_back(tensor(name + tail, role, block, axes));
        };
        add("weight_ih", Role::weight, "[" + gates + ", " + below + "]");
        add("weight_hh", Role::weight, "[" + gates + ", " + state + "]");
        if (shape.bias) {
          add("bias_ih", Role::bias, "[" + gates + "]");
          add("bias_hh", Role::bias, "[" + gates + "]");
        }
        if (shape.projection > 0) add("weight_hr", Role::weight, "[" + state + ", " + h + "]");
        states.push_back(state);
        cells.push_back(h);
        above += (above.empty() ? "" : " | ") + state;
      }
      below = above;
    }
    if (shape.learned_state) {
      tensors.push_back(initial_state("h0", states, shape.state_size()));
      if (shape.cell == Cell::lstm) tensors.push_back(initial_state("c0", cells, shape.hidden_size));
    }
    const std::string out = label("~out", shape.output_size);
    tensors.push_back(tensor("head.weight", Role::weight, "head", "[" + out + ", " + below + "]"));
    if (shape.bias) tensors.push_back(tensor("head.bias", Role::bias, "head", "[" + out + "]"));
    return tensors;
  }

  // The nonlinearity of a cell without gates and the readout leave no trace: they keep rnn_tanh and the default.
  std::optional<std::map<std::string, OptionValue>> recognize(const NamedShapes& shapes) const override {
    const std::map<std::string, std::vector<int64_t>> by_name(shapes.begin(), shapes.end());
    const auto size = [&](const std::string& name, size_t axis) -> int64_t {
      const auto found = by_name.find(name);
      return found == by_name.end() || found->second.size() <= axis ? 0 : found->second[axis];
    };
    const int64_t projection = size("weight_hr_l0", 0);
    const int64_t hidden = projection > 0 ? size("weight_hr_l0", 1) : size("weight_hh_l0", 1);
    if (hidden < 1) return std::nullopt;
    const int64_t gates = size("weight_hh_l0", 0) / hidden;
    int64_t layers = 0;
    while (by_name.contains("weight_ih_l" + std::to_string(layers))) ++layers;
    const std::map<std::string, OptionValue> options = {{"cell", std::string(gates == 4   ? "lstm"
                                                                             : gates == 3 ? "gru"
                                                                                          : "rnn_tanh")},
                                                        {"input_size", size("weight_ih_l0", 1)},
                                                        {"hidden_size", hidden},
                                                        {"layers", layers},
                                                        {"bidirectional", by_name.contains("weight_ih_l0_reverse")},
                                                        {"projection", projection},
                                                        {"vocabulary", size("embedding.weight", 0)},
                                                        {"output_size", size("head.weight", 0)},
                                                        {"learned_state", by_name.contains("h0")},
                                                        {"bias", by_name.contains("bias_ih_l0")}};
    if (!describes(*this, options, shapes)) return std::nullopt;
    return options;
  }

  std::vector<Example> examples() const override {
    using More = std::map<std::string, OptionValue>;
    const auto text = [](const char* value) { return OptionValue(std::string(value)); };
    const auto integer = [](int64_t value) { return OptionValue(value); };
    const auto real = [&](std::string name, const char* cell, More more = {}) {
      more.insert(
          {{"cell", text(cell)}, {"input_size", integer(3)}, {"hidden_size", integer(4)}, {"output_size", integer(2)}});
      return Example{std::move(name), std::move(more), {5, 3}, 0};
    };
    const auto tokens = [&](std::string name, const char* cell, More more = {}) {
      more.insert(
          {{"cell", text(cell)}, {"input_size", integer(3)}, {"hidden_size", integer(4)}, {"vocabulary", integer(7)}});
      return Example{std::move(name), std::move(more), {5}, 7};
    };
    return {
        real("irnn", "irnn"),
        real("tanh_two_layers", "rnn_tanh", {{"layers", integer(2)}}),
        real("relu_bidirectional", "rnn_relu", {{"bidirectional", true}, {"layers", integer(2)}}),
        real("tanh_learned_state", "rnn_tanh", {{"learned_state", true}}),
        real("gru", "gru"),
        real("gru_no_bias", "gru", {{"bias", false}, {"layers", integer(2)}}),
        real("gru_final_state", "gru",
             {{"readout", text("final_state")}, {"bidirectional", true}, {"learned_state", true}}),
        real("lstm", "lstm"),
        real("lstm_bidirectional", "lstm", {{"bidirectional", true}, {"layers", integer(2)}}),
        real("lstm_projection", "lstm",
             {{"projection", integer(2)}, {"layers", integer(2)}, {"bidirectional", true}, {"learned_state", true}}),
        real("lstm_learned_state", "lstm", {{"learned_state", true}, {"layers", integer(2)}, {"bias", false}}),
        tokens("bytes_irnn", "irnn", {{"layers", integer(2)}}),
        tokens("bytes_gru", "gru", {{"bidirectional", true}}),
        tokens("bytes_lstm", "lstm", {{"layers", integer(2)}, {"output_size", integer(5)}}),
        tokens("bytes_lstm_projection", "lstm", {{"projection", integer(2)}, {"learned_state", true}})};
  }

  std::unique_ptr<Network> network(const Options& options) const override {
    return make_rnn_network(shape_of(options));
  }
};

}  // namespace

NFOPT_PLUGIN(Rnn, .id = "rnn", .version = NFOPT_VERSION, .author = "nfopt");

}  // namespace nfopt::rnn
