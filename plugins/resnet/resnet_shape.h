#pragma once

#include <nfopt/runtime/network/ops/images.h>
#include <nfopt/runtime/plugin/options.h>

#include <cstdint>
#include <string>
#include <vector>

namespace nfopt::resnet {

/// A convolution and the normalisation behind it.
struct NormedConv {
  std::string conv;  ///< name of its tensors: "layer1.0.conv1", "layer2.0.downsample.0"
  std::string norm;  ///< "layer1.0.bn1", "layer2.0.downsample.1"; called bn whatever the normalisation, as torchvision
  int64_t in = 0;
  int64_t out = 0;
  int64_t kernel = 3;  ///< padded by kernel / 2
  int64_t stride = 1;
  std::string reads;   ///< label of its inputs
  std::string writes;  ///< label of its outputs: equal labels are added somewhere, or one reads what the other writes
};

struct ResidualBlock {
  std::string name;                    ///< "layer1.0"
  std::vector<NormedConv> convs;       ///< two (basic) or three (bottleneck)
  std::vector<NormedConv> downsample;  ///< one where the stream changes width or size, else none
};

/// The options of one network, checked and spelled out.
struct ResnetShape {
  ops::ImageShape input;
  NormedConv stem;
  bool stem_pool = false;  ///< 3x3 max pooling with stride 2 behind the stem
  std::vector<ResidualBlock> blocks;
  int64_t outputs = 0;
  std::string norm;
  int64_t norm_groups = 1;

  const NormedConv& last() const { return blocks.back().convs.back(); }
};

/// Throws Error that lists everything wrong with the options.
ResnetShape resnet_shape(const Options& options);

}  // namespace nfopt::resnet
