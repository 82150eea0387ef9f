#include "cnn_shape.h"

#include <nfopt/nflayers/spec/error.h>

namespace nfopt::cnn {
namespace {

// The value of layer i: an option states one for all layers or one for each.
int64_t of_layer(const std::vector<int64_t>& values, size_t i) { return values.size() == 1 ? values[0] : values[i]; }

class Problems {
 public:
  void add(const std::string& text) { text_ += "\n       " + text; }
  bool require(bool holds, const std::string& text) {
    if (!holds) add(text);
    return holds;
  }
  void raise() const {
    if (!text_.empty()) throw Error("cnn", "These options do not make a network:" + text_);
  }

 private:
  std::string text_;
};

}  // namespace

CnnShape cnn_shape(const Options& options) {
  Problems problems;
  const auto& input = options.integers("input");
  const auto& channels = options.integers("channels");
  const int64_t count = static_cast<int64_t>(channels.size());
  const auto entries = [](const std::vector<int64_t>& v) { return to_string(OptionValue(v)); };

  bool image = input.size() == 3;
  for (const int64_t size : input) image = image && size >= 1;
  problems.require(image, "input: expected [channels, height, width], each at least 1, received " + entries(input));
  problems.require(count >= 1, "channels: expected one width per convolution, received []");
  problems.require(options.integer("output_size") >= 1,
                   "output_size: expected at least 1, received " + std::to_string(options.integer("output_size")));
  for (const char* name : {"kernel", "stride", "groups", "pool"}) {
    const auto& values = options.integers(name);
    const auto size = static_cast<int64_t>(values.size());
    problems.require(size == 1 || size == count, std::string(name) + ": expected one entry for all convolutions or " +
                                                     std::to_string(count) + ", received " + entries(values));
    for (const int64_t value : values) {
      if (!problems.require(value >= 1, std::string(name) + ": expected at least 1, received " + entries(values))) {
        break;
      }
    }
  }
  for (const int64_t width : channels) {
    if (!problems.require(width >= 1, "channels: expected at least 1, received " + entries(channels))) break;
  }
  problems.raise();

  CnnShape shape;
  shape.input = {input[0], input[1], input[2]};
  shape.outputs = options.integer("output_size");
  shape.norm = options.text("norm");
  shape.norm_groups = options.integer("norm_groups");
  shape.flatten = options.text("head") == "flatten";
  int64_t in = input[0], height = input[1], width = input[2];
  for (size_t i = 0; i < channels.size(); ++i) {
    Layer layer;
    layer.conv = "convs." + std::to_string(i);
    layer.norm = "norms." + std::to_string(i);
    layer.in = in;
    layer.out = channels[i];
    layer.kernel = of_layer(options.integers("kernel"), i);
    layer.stride = of_layer(options.integers("stride"), i);
    layer.groups = of_layer(options.integers("groups"), i);
    layer.pool = of_layer(options.integers("pool"), i);
    layer.padding = options.text("padding") == "same" ? layer.kernel / 2 : 0;
    problems.require(layer.in % layer.groups == 0 && layer.out % layer.groups == 0,
                     layer.conv + ": " + std::to_string(layer.groups) + " groups must divide its " +
                         std::to_string(layer.in) + " inputs and " + std::to_string(layer.out) + " outputs");
    if (shape.norm == "group") {
      problems.require(shape.norm_groups >= 1 && layer.out % shape.norm_groups == 0,
                       layer.norm + ": norm_groups = " + std::to_string(shape.norm_groups) + " must divide its " +
                           std::to_string(layer.out) + " channels");
    }
    const auto after = [&](int64_t side) {
      const int64_t room = side + 2 * layer.padding - layer.kernel;
      return room < 0 ? 0 : (room / layer.stride + 1) / layer.pool;
    };
    if (!problems.require(after(height) >= 1 && after(width) >= 1, layer.conv + ": nothing is left of an image of " +
                                                                       std::to_string(height) + " x " +
                                                                       std::to_string(width))) {
      break;
    }
    height = after(height);
    width = after(width);
    in = layer.out;
    shape.layers.push_back(layer);
  }
  problems.raise();
  shape.pixels = height * width;
  return shape;
}

}  // namespace nfopt::cnn
