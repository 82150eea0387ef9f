// example_net: a residual multilayer perceptron. This file says what its tensors are called and how they may be
// permuted; example_net_network.cc computes.
//
//   input.weight [r, ~in]   blocks.i.up.weight [u_i, r]   blocks.i.down.weight [r, u_i]   output.weight [~out, r]

#include <nfopt/nflayers/spec/error.h>
#include <nfopt/runtime/network/ops/activation.h>
#include <nfopt/runtime/plugin/plugin.h>
#include <nfopt/runtime/plugin/recognition.h>

#include "example_net_network.h"

namespace example_net_plugin {
namespace {

using nfopt::Option;
using nfopt::OptionValue;
using nfopt::Role;
using nfopt::TensorDescription;

// Throws Error that lists every size below 1: options arrive with the right types, ranges are this plugin's business.
ExampleNetShape shape_of(const nfopt::Options& options) {
  std::string bad;
  for (const char* name : {"input_size", "output_size", "width", "hidden", "depth"}) {
    if (options.integer(name) < 1)
      bad += (bad.empty() ? "" : ", ") + std::string(name) + " = " + std::to_string(options.integer(name));
  }
  if (!bad.empty()) throw nfopt::Error("example_net", "Every size is at least 1: received " + bad + ".");
  return {.input_size = options.integer("input_size"),
          .output_size = options.integer("output_size"),
          .width = options.integer("width"),
          .hidden = options.integer("hidden"),
          .depth = options.integer("depth"),
          .activation = options.text("activation")};
}

// One linear layer [out, in]: its weight and its bias, which moves with the rows.
void add_linear(std::vector<TensorDescription>& tensors, const std::string& block, const std::string& layer,
                const std::string& out, const std::string& in) {
  TensorDescription weight;
  weight.name = layer + ".weight";
  weight.block = block;
  weight.axes = "[" + out + ", " + in + "]";
  tensors.push_back(weight);
  TensorDescription bias;
  bias.name = layer + ".bias";
  bias.block = block;
  bias.role = Role::bias;
  bias.axes = "[" + out + "]";
  tensors.push_back(bias);
}

class ExampleNetArchitecture final : public nfopt::TrainableArchitecture {
 public:
  nfopt::ArchitectureInfo info() const override {
    using Type = Option::Type;
    return {.name = "example_net",
            .summary = "residual multilayer perceptron, one label for the stream and one per block",
            .options = {{"input_size", Type::integer, true, {}, "entries of one flattened input, not a symmetry", {}},
                        {"output_size", Type::integer, true, {}, "entries of one output, not a symmetry", {}},
                        {"width", Type::integer, false, int64_t{32}, "width of the residual stream", {}},
                        {"hidden", Type::integer, false, int64_t{48}, "hidden units of one block", {}},
                        {"depth", Type::integer, false, int64_t{2}, "number of blocks", {}},
                        {"activation", Type::text, false, std::string("gelu"), "in every block",
                         nfopt::ops::activation_names()}}};
  }

  std::vector<TensorDescription> describe(const nfopt::Options& options) const override {
    const ExampleNetShape shape = shape_of(options);
    const auto sized = [](const std::string& label, int64_t size) { return label + "=" + std::to_string(size); };
    const std::string stream = sized("r", shape.width);
    std::vector<TensorDescription> tensors;
    add_linear(tensors, "input", "input", stream, sized("~in", shape.input_size));
    for (int64_t i = 0; i < shape.depth; ++i) {
      const std::string block = block_name(i);
      const std::string units = sized("u" + std::to_string(i), shape.hidden);
      add_linear(tensors, block, block + ".up", units, stream);
      add_linear(tensors, block, block + ".down", stream, units);
    }
    add_linear(tensors, "output", "output", sized("~out", shape.output_size), stream);
    return tensors;
  }

  // The options behind the tensors of a live network, or nothing. Sizes are read off the shapes; describing them again
  // decides whether the rest fits, too.
  std::optional<std::map<std::string, OptionValue>> recognize(const nfopt::NamedShapes& shapes) const override {
    const std::map<std::string, std::vector<int64_t>> by_name(shapes.begin(), shapes.end());
    const auto size = [&](const std::string& name, size_t axis) -> int64_t {
      const auto found = by_name.find(name);
      return found == by_name.end() || found->second.size() != 2 ? 0 : found->second[axis];
    };
    std::map<std::string, OptionValue> options = {{"input_size", size("input.weight", 1)},
                                                  {"output_size", size("output.weight", 0)},
                                                  {"width", size("input.weight", 0)},
                                                  {"hidden", size("blocks.0.up.weight", 0)}};
    int64_t depth = 0;
    while (by_name.count(block_name(depth) + ".up.weight")) ++depth;
    options["depth"] = depth;
    if (!nfopt::describes(*this, options, shapes)) return std::nullopt;
    return options;
  }

  // What `nfopt plugin check` builds: small, and every width another, because equal sizes hide swapped axes.
  std::vector<nfopt::Example> examples() const override {
    const auto example = [](std::string name, int64_t width, int64_t hidden, int64_t depth, const char* activation) {
      return nfopt::Example{.name = std::move(name),
                            .options = {{"input_size", int64_t{6}},
                                        {"output_size", int64_t{3}},
                                        {"width", width},
                                        {"hidden", hidden},
                                        {"depth", depth},
                                        {"activation", std::string(activation)}},
                            .input_shape = {2, 3}};
    };
    return {example("one_block", 4, 5, 1, "tanh"), example("deep", 5, 7, 3, "gelu"),
            example("narrow", 1, 4, 2, "silu")};
  }

  std::unique_ptr<nfopt::Network> network(const nfopt::Options& options) const override {
    return make_network(shape_of(options));
  }
};

}  // namespace

NFOPT_PLUGIN(ExampleNetArchitecture, .id = "example_net", .version = "0.1.0");

}  // namespace example_net_plugin
