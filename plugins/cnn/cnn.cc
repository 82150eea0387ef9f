// Stacked convolutions with a linear head, PyTorch layouts.
//
//   convs.0.weight [c1, ~in, *, *]   norms.0.weight [c1]   convs.1.weight [c2, c1, *, *]   ..   fc.weight [~out, c2]
//
// Channels between two convolutions may be reordered together. Groups, of convolutions or of their normalisation, make
// that a permutation of blocks and one within each block (channel_labels.h).

#include "channel_labels.h"
#include "cnn_network.h"
#include "cnn_shape.h"

#include <nfopt/runtime/network/channel_norm.h>
#include <nfopt/runtime/network/initialization.h>
#include <nfopt/runtime/plugin/plugin.h>
#include <nfopt/runtime/plugin/recognition.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace nfopt::cnn {
namespace {

constexpr int64_t kNormGroups = 8;  // unless stated

TensorDescription tensor(const std::string& name, Role role, const std::string& block, const std::string& axes) {
  TensorDescription tensor;
  tensor.name = name;
  tensor.role = role;
  tensor.block = block;
  tensor.axes = axes;
  return tensor;
}

class Cnn final : public TrainableArchitecture {
 public:
  ArchitectureInfo info() const override {
    using Type = Option::Type;
    using Integers = std::vector<int64_t>;
    return {
        .name = "cnn",
        .summary = "stacked convolutions with a linear head, one label per layer of channels",
        .options = {
            {"input", Type::integers, true, {}, "channels, height and width of one image, not a symmetry", {}},
            {"output_size", Type::integer, true, {}, "entries of one output, not a symmetry", {}},
            {"channels", Type::integers, true, {}, "channels after each convolution", {}},
            {"kernel", Type::integers, false, Integers{3}, "side of the kernels: one for all or one each", {}},
            {"stride", Type::integers, false, Integers{1}, "one for all or one each", {}},
            {"padding",
             Type::text,
             false,
             std::string("same"),
             "same: kernel / 2 zeros on every side",
             {"same", "valid"}},
            {"groups", Type::integers, false, Integers{1}, "of the convolutions; as many as inputs: depthwise", {}},
            {"norm", Type::text, false, std::string("none"), "after every convolution, which then has no bias",
             ChannelNorm::names()},
            {"norm_groups", Type::integer, false, kNormGroups, "groups of norm: group", {}},
            {"activation", Type::text, false, std::string("relu"), "after every convolution", ops::activation_names()},
            {"pool", Type::integers, false, Integers{1}, "side of the max-pooling windows, 1: none", {}},
            {"head",
             Type::text,
             false,
             std::string("average"),
             "what the linear head reads: the average over the image, or all of it",
             {"average", "flatten"}},
            {"initialization", Type::text, false, std::string("pytorch"), "of the weights", initialization_names()}}};
  }

  std::vector<TensorDescription> describe(const Options& options) const override {
    const CnnShape shape = cnn_shape(options);
    const ChannelLabels labels(shape);
    const ChannelNorm norm(shape.norm, shape.norm_groups);
    std::vector<TensorDescription> tensors;
    for (size_t i = 0; i < shape.layers.size(); ++i) {
      const Layer& layer = shape.layers[i];
      const std::string channels = "[" + ChannelLabels::axis(labels.channels(i + 1)) + "]";
      tensors.push_back(tensor(layer.conv + ".weight", Role::weight, layer.conv, labels.weight(i)));
      if (!norm.any()) tensors.push_back(tensor(layer.conv + ".bias", Role::bias, layer.conv, channels));
      for (auto& part : norm.describe(layer.norm, channels, layer.conv)) tensors.push_back(part);
    }
    const std::string out = "~out=" + std::to_string(shape.outputs);
    std::string columns = labels.channels(shape.layers.size());
    if (shape.flatten) columns += ", ~pix=" + std::to_string(shape.pixels);
    tensors.push_back(tensor("fc.weight", Role::weight, "fc", "[" + out + ", " + ChannelLabels::axis(columns) + "]"));
    tensors.push_back(tensor("fc.bias", Role::bias, "fc", "[" + out + "]"));
    return tensors;
  }

  std::vector<Example> examples() const override {
    using Integers = std::vector<int64_t>;
    using More = std::map<std::string, OptionValue>;
    const auto text = [](const char* value) { return OptionValue(std::string(value)); };
    // Smooth activations by default: finite differences do not stumble over a kink.
    const auto example = [&](std::string name, Integers channels, More more, Integers input = {2, 5, 6}) {
      more.insert(
          {{"input", input}, {"channels", channels}, {"output_size", int64_t{3}}, {"activation", text("silu")}});
      return Example{std::move(name), std::move(more), std::move(input)};
    };
    const auto groups = [](Integers values) { return std::pair<const std::string, OptionValue>("groups", values); };
    const auto kernel = [](Integers values) { return std::pair<const std::string, OptionValue>("kernel", values); };
    const std::pair<const std::string, OptionValue> batch("norm", text("batch")), group("norm", text("group")),
        flatten("head", text("flatten"));
    const auto of = [](int64_t count) { return std::pair<const std::string, OptionValue>("norm_groups", count); };
    return {
        example("average", {4, 3}, {}),
        example("flatten", {4, 3}, {flatten, {"stride", Integers{1, 2}}}),
        example("one_convolution", {5}, {flatten, {"activation", text("relu")}}),
        example("batch_norm", {4, 5}, {batch}),
        example("batch_norm_flatten", {4, 3}, {batch, flatten, kernel({3, 2}), {"padding", text("valid")}}),
        example("pooling", {4, 3}, {batch, {"pool", Integers{2, 1}}}, {1, 6, 7}),
        example("group_norm", {4, 6}, {group, of(2)}),
        example("group_norm_flatten", {6, 9}, {group, of(3), flatten, {"stride", Integers{2}}}),
        example("layer_norm", {4, 5}, {group, of(1)}),
        example("grouped", {4, 6, 5}, {groups({1, 2, 1})}),
        example("grouped_twice", {4, 8, 6}, {batch, groups({1, 4, 2})}),
        example("separable", {4, 4, 6, 6, 5}, {batch, kernel({3, 3, 1, 3, 1}), groups({1, 4, 1, 6, 1})}),
        example("depthwise_multiplier", {3, 6, 5}, {groups({1, 3, 1})}),
        example("grouped_as_its_norm", {4, 6}, {group, of(2), groups({1, 2})}),
        example("grouped_coarser_than_its_norm", {8, 12}, {group, of(4), groups({1, 2})}),
        example("grouped_finer_than_its_norm", {8, 12}, {group, of(2), groups({1, 4}), flatten}),
        example("depthwise_below_group_norm", {4, 4, 6}, {group, of(2), groups({1, 4, 1}), kernel({3, 3, 1})}),
        example("groups_that_share_a_divisor", {12, 24}, {group, of(4), groups({1, 6}), kernel({1, 3})}),
        example("groups_without_a_divisor", {6, 6}, {group, of(2), groups({1, 3})}),
        example("grouped_image", {4, 5}, {groups({2, 1})}),
        example("depthwise_image", {4, 6}, {batch, groups({2, 2})}),
    };
  }

  // Strides, padding, pooling and activation leave no trace: they keep their defaults, and the image is as large as they
  // make it. Nor do groups of a normalisation, guessed as the largest divisor of the default that divides all widths, and
  // those of a first convolution, taken for none.
  std::optional<std::map<std::string, OptionValue>> recognize(const NamedShapes& shapes) const override {
    const std::map<std::string, std::vector<int64_t>> found(shapes.begin(), shapes.end());
    std::vector<int64_t> channels, kernel, groups;
    int64_t image_channels = 0, shrinks = 0, norm_groups = kNormGroups;
    for (size_t i = 0;; ++i) {
      const auto weight = found.find("convs." + std::to_string(i) + ".weight");
      if (weight == found.end()) break;
      const auto& shape = weight->second;
      if (shape.size() != 4 || std::any_of(shape.begin(), shape.end(), [](int64_t n) { return n < 1; })) {
        return std::nullopt;
      }
      if (i == 0) image_channels = shape[1];
      groups.push_back(i == 0 ? 1 : channels.back() / shape[1]);
      channels.push_back(shape[0]);
      kernel.push_back(shape[2]);
      norm_groups = std::gcd(norm_groups, shape[0]);
      shrinks += shape[2] - 1 - 2 * (shape[2] / 2);  // padding is `same`: an even kernel adds a pixel
    }
    const auto head = found.find("fc.weight");
    if (channels.empty() || head == found.end() || head->second.size() != 2) return std::nullopt;
    const bool flatten = head->second[1] > channels.back();
    int64_t height = 0, width = 0;
    if (flatten) {
      const int64_t pixels = head->second[1] / channels.back();
      // As square as it can be.
      height = static_cast<int64_t>(std::sqrt(static_cast<double>(pixels)));
      while (pixels % height != 0) --height;
      width = pixels / height + shrinks;
      height += shrinks;
    } else {
      height = width = 32 + std::abs(shrinks);  // any size will do
    }
    const bool batch = found.count("norms.0.running_mean") > 0;
    const std::map<std::string, OptionValue> guess = {
        {"input", std::vector<int64_t>{image_channels, height, width}},
        {"output_size", head->second[0]},
        {"channels", channels},
        {"kernel", kernel},
        {"groups", groups},
        {"norm", std::string(batch                               ? "batch"
                             : found.count("norms.0.weight") > 0 ? "group"
                                                                 : "none")},
        {"norm_groups", norm_groups},
        {"head", std::string(flatten ? "flatten" : "average")},
    };
    return describes(*this, guess, shapes) ? std::optional(guess) : std::nullopt;
  }

  std::unique_ptr<Network> network(const Options& options) const override {
    return make_cnn_network(cnn_shape(options), ops::activation(options.text("activation")),
                            options.text("initialization"));
  }
};

}  // namespace

NFOPT_PLUGIN(Cnn, .id = "cnn", .version = NFOPT_VERSION, .author = "nfopt");

}  // namespace nfopt::cnn
