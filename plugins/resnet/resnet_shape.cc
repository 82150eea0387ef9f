#include "resnet_shape.h"

#include <nfopt/nflayers/spec/error.h>

namespace nfopt::resnet {
namespace {

void check(const Options& options) {
  std::string problems;
  const auto expect = [&](bool holds, const std::string& what, const OptionValue& received) {
    if (!holds) problems += "\n       " + what + ", received " + to_string(received);
  };
  const auto positive = [](const std::vector<int64_t>& values) {
    for (const int64_t value : values) {
      if (value < 1) return false;
    }
    return !values.empty();
  };
  const auto& input = options.integers("input");
  const auto& blocks = options.integers("blocks");
  const int64_t outputs = options.integer("output_size"), width = options.integer("width");
  const int64_t groups = options.integer("norm_groups");
  expect(input.size() == 3 && positive(input), "input: expected [channels, height, width], each at least 1", input);
  expect(positive(blocks) && blocks.size() <= 16, "blocks: expected 1 to 16 stages of at least one block", blocks);
  expect(outputs >= 1, "output_size: expected at least 1", outputs);
  expect(width >= 1 && width <= 65536, "width: expected 1 to 65536", width);
  if (options.text("norm") == "group") {
    expect(groups >= 1 && (width < 1 || width % groups == 0),
           "norm_groups: expected a divisor of width = " + std::to_string(width), groups);
  }
  if (!problems.empty()) throw Error("resnet", "These options do not make a network:" + problems);
}

}  // namespace

ResnetShape resnet_shape(const Options& options) {
  check(options);
  ResnetShape shape;
  const auto& input = options.integers("input");
  shape.input = {input[0], input[1], input[2]};
  shape.outputs = options.integer("output_size");
  shape.norm = options.text("norm");
  shape.norm_groups = options.integer("norm_groups");

  const bool imagenet = options.text("stem") == "imagenet", bottleneck = options.text("block") == "bottleneck";
  const int64_t width = options.integer("width");
  shape.stem = {"conv1", "bn1", input[0], width, imagenet ? 7 : 3, imagenet ? 2 : 1, "~in", "r0"};
  shape.stem_pool = imagenet;

  std::string stream = "r0";  // one label for as long as blocks add to it
  int64_t stream_width = width;
  const auto& blocks = options.integers("blocks");
  for (size_t stage = 0; stage < blocks.size(); ++stage) {
    const std::string number = std::to_string(stage + 1);
    const int64_t inner = width << stage, outer = bottleneck ? 4 * inner : inner;
    for (int64_t b = 0; b < blocks[stage]; ++b) {
      const int64_t stride = stage > 0 && b == 0 ? 2 : 1;
      const std::string before = stream;
      const int64_t before_width = stream_width;
      ResidualBlock block;
      block.name = "layer" + number + "." + std::to_string(b);
      if (stride != 1 || stream_width != outer) {
        stream = "r" + number;
        stream_width = outer;
        block.downsample.push_back({block.name + ".downsample.0", block.name + ".downsample.1", before_width, outer, 1,
                                    stride, before, stream});
      }
      const std::string own = "i" + number + "_" + std::to_string(b);
      const auto conv = [&](const char* k, int64_t in, int64_t out, int64_t kernel, int64_t by,
                            const std::string& reads, const std::string& writes) {
        block.convs.push_back({block.name + ".conv" + k, block.name + ".bn" + k, in, out, kernel, by, reads, writes});
      };
      if (bottleneck) {  // the stride sits in the 3x3 convolution, as in torchvision
        conv("1", before_width, inner, 1, 1, before, own + "a");
        conv("2", inner, inner, 3, stride, own + "a", own + "b");
        conv("3", inner, outer, 1, 1, own + "b", stream);
      } else {
        conv("1", before_width, inner, 3, stride, before, own);
        conv("2", inner, inner, 3, 1, own, stream);
      }
      shape.blocks.push_back(block);
    }
  }
  return shape;
}

}  // namespace nfopt::resnet
