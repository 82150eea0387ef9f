// Residual networks, torchvision's parameter names and layouts.
// https://arxiv.org/abs/1512.03385
//
//   identity block   conv1 [i, r, *, *]   bn1 [i]   conv2 [r, i, *, *]   bn2 [r]
//   down block       conv1 [i, r0, *, *]   conv2 [r1, i, *, *]   downsample.0 [r1, r0, *, *]
//
// What is added elementwise is one label: all blocks of a stage share the label r of their stream. Groups of a group
// normalisation factor every label, [g, c@g]: groups move as wholes, channels within their group.

#include "resnet_network.h"
#include "resnet_shape.h"

#include <nfopt/runtime/network/channel_norm.h>
#include <nfopt/runtime/network/initialization.h>
#include <nfopt/runtime/plugin/plugin.h>
#include <nfopt/runtime/plugin/recognition.h>

#include <numeric>
#include <utility>

namespace nfopt::resnet {
namespace {

constexpr int64_t kNormGroups = 8;  // unless stated

// The axis of channels that carry `label`, with the factor of their groups.
std::string channels(const std::string& label, int64_t width, int64_t groups) {
  const bool divided = groups > 1 && groups < width && label.front() != '~';
  if (!divided) return label + "=" + std::to_string(width);
  return "[g" + label + "=" + std::to_string(groups) + ", " + label + "@g" + label + "=" +
         std::to_string(width / groups) + "]";
}

class DescribedTensors {
 public:
  DescribedTensors(const ChannelNorm& norm) : norm_(norm) {}

  void add(const std::string& name, Role role, const std::string& block, const std::string& axes) {
    TensorDescription tensor;
    tensor.name = name;
    tensor.role = role;
    tensor.block = block;
    tensor.axes = axes;
    tensors_.push_back(tensor);
  }

  void add(const NormedConv& conv, const std::string& block) {
    const std::string out = channels(conv.writes, conv.out, norm_.groups());
    const std::string in = channels(conv.reads, conv.in, norm_.groups());
    const std::string kernel = "*" + std::to_string(conv.kernel);
    add(conv.conv + ".weight", Role::weight, block, "[" + out + ", " + in + ", " + kernel + ", " + kernel + "]");
    for (auto& tensor : norm_.describe(conv.norm, "[" + out + "]", block)) tensors_.push_back(tensor);
  }

  std::vector<TensorDescription> take() { return std::move(tensors_); }

 private:
  ChannelNorm norm_;
  std::vector<TensorDescription> tensors_;
};

class Resnet final : public TrainableArchitecture {
 public:
  ArchitectureInfo info() const override {
    using Type = Option::Type;
    return {
        .name = "resnet",
        .summary = "residual network with torchvision's names, one label per stream",
        .options = {{"input", Type::integers, true, {}, "channels, height and width of one image, not a symmetry", {}},
                    {"output_size", Type::integer, true, {}, "entries of one output, not a symmetry", {}},
                    {"block", Type::text, false, std::string("basic"), "kind of the blocks", {"basic", "bottleneck"}},
                    {"blocks", Type::integers, false, std::vector<int64_t>{2, 2, 2, 2}, "blocks of each stage", {}},
                    {"width", Type::integer, false, int64_t{64}, "of the first stage, doubled by each further one", {}},
                    {"stem",
                     Type::text,
                     false,
                     std::string("imagenet"),
                     "small: 3x3; imagenet: 7x7 with stride 2 and max pooling",
                     {"small", "imagenet"}},
                    {"norm", Type::text, false, std::string("batch"), "after every convolution", {"batch", "group"}},
                    {"norm_groups", Type::integer, false, kNormGroups, "groups of norm: group", {}},
                    {"activation", Type::text, false, std::string("relu"), "after every normalisation and addition",
                     ops::activation_names()},
                    {"initialization", Type::text, false, std::string("he_normal"), "of the convolutions",
                     initialization_names()}}};
  }

  std::vector<TensorDescription> describe(const Options& options) const override {
    const ResnetShape shape = resnet_shape(options);
    DescribedTensors tensors(ChannelNorm(shape.norm, shape.norm_groups));
    tensors.add(shape.stem, "stem");
    for (const ResidualBlock& block : shape.blocks) {
      for (const NormedConv& conv : block.convs) tensors.add(conv, block.name);
      for (const NormedConv& conv : block.downsample) tensors.add(conv, block.name);
    }
    const std::string out = "~out=" + std::to_string(shape.outputs);
    const NormedConv& last = shape.last();
    const std::string in = channels(last.writes, last.out, shape.norm == "group" ? shape.norm_groups : 1);
    tensors.add("fc.weight", Role::weight, "fc", "[" + out + ", " + in + "]");
    tensors.add("fc.bias", Role::bias, "fc", "[" + out + "]");
    return tensors.take();
  }

  std::vector<Example> examples() const override {
    using Integers = std::vector<int64_t>;
    const auto text = [](const char* value) { return OptionValue(std::string(value)); };
    // Smooth activations: finite differences do not stumble over a kink.
    const auto example = [&](std::string name, Integers blocks, int64_t width, std::map<std::string, OptionValue> more,
                             Integers input = {2, 5, 4}) {
      more.insert({{"input", input},
                   {"output_size", int64_t{5}},
                   {"blocks", blocks},
                   {"width", width},
                   {"stem", text("small")},
                   {"activation", text("silu")}});
      return Example{std::move(name), std::move(more), std::move(input)};
    };
    const OptionValue bottleneck = text("bottleneck"), group = text("group"), imagenet = text("imagenet");
    return {
        example("one_block", {1}, 3, {}),
        example("one_stage", {2}, 3, {}),
        example("two_stages", {1, 1}, 3, {}),
        example("two_stages_of_two", {2, 2}, 3, {}),
        example("four_stages", {1, 1, 1, 1}, 2, {}, {1, 9, 10}),
        example("bottleneck", {1}, 2, {{"block", bottleneck}}),
        example("bottleneck_two_stages", {2, 1}, 2, {{"block", bottleneck}}),
        example("imagenet_stem", {1, 1}, 3, {{"stem", imagenet}}, {3, 12, 13}),
        example("imagenet_stem_relu", {1}, 4, {{"stem", imagenet}, {"activation", text("relu")}}, {1, 9, 9}),
        example("group_norm", {1, 1}, 4, {{"norm", group}, {"norm_groups", int64_t{2}}}),
        example("group_norm_two_stages_of_two", {2, 2}, 6, {{"norm", group}, {"norm_groups", int64_t{3}}}),
        example("group_norm_bottleneck", {1, 1}, 4,
                {{"norm", group}, {"norm_groups", int64_t{2}}, {"block", bottleneck}}),
        example("layer_norm", {2}, 4, {{"norm", group}, {"norm_groups", int64_t{1}}}),
    };
  }

  // The size of images and the activation leave no trace: they keep their defaults, and images are as large as is usual
  // for the stem. Nor do groups of a normalisation: guessed as the largest divisor of the default that divides the width.
  std::optional<std::map<std::string, OptionValue>> recognize(const NamedShapes& shapes) const override {
    const std::map<std::string, std::vector<int64_t>> found(shapes.begin(), shapes.end());
    const auto has = [&](const std::string& name) { return found.count(name) > 0; };
    const auto stem = found.find("conv1.weight"), head = found.find("fc.weight");
    if (stem == found.end() || stem->second.size() != 4 || head == found.end() || head->second.size() != 2) {
      return std::nullopt;
    }
    std::vector<int64_t> blocks;
    const auto name = [](size_t stage, int64_t block) {
      return "layer" + std::to_string(stage + 1) + "." + std::to_string(block);
    };
    while (has(name(blocks.size(), 0) + ".conv1.weight")) {
      int64_t count = 1;
      while (has(name(blocks.size(), count) + ".conv1.weight")) ++count;
      blocks.push_back(count);
    }
    const bool imagenet = stem->second[2] == 7;
    const int64_t side = imagenet ? 224 : 32;
    const std::map<std::string, OptionValue> guess = {
        {"input", std::vector<int64_t>{stem->second[1], side, side}},
        {"output_size", head->second[0]},
        {"block", std::string(has("layer1.0.conv3.weight") ? "bottleneck" : "basic")},
        {"blocks", blocks},
        {"width", stem->second[0]},
        {"stem", std::string(imagenet ? "imagenet" : "small")},
        {"norm_groups", std::gcd(kNormGroups, stem->second[0])},
        {"norm", std::string(has("bn1.running_mean") ? "batch" : "group")}};
    return describes(*this, guess, shapes) ? std::optional(guess) : std::nullopt;
  }

  std::unique_ptr<Network> network(const Options& options) const override {
    return make_resnet_network(resnet_shape(options), ops::activation(options.text("activation")),
                               options.text("initialization"));
  }
};

}  // namespace

NFOPT_PLUGIN(Resnet, .id = "resnet", .version = NFOPT_VERSION, .author = "nfopt",
             .url = "https://arxiv.org/abs/1512.03385");

}  // namespace nfopt::resnet
