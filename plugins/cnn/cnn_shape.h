#pragma once

#include <nfopt/runtime/network/ops/images.h>
#include <nfopt/runtime/plugin/options.h>

#include <cstdint>
#include <string>
#include <vector>

namespace nfopt::cnn {

/// One layer: convolution, normalisation, activation, pooling.
struct Layer {
  std::string conv;  ///< "convs.0": names of its tensors
  std::string norm;  ///< "norms.0"
  int64_t in = 0;
  int64_t out = 0;
  int64_t kernel = 0;
  int64_t stride = 1;
  int64_t padding = 0;
  int64_t groups = 1;
  int64_t pool = 1;  ///< side of the max-pooling window, 1: none
};

/// The options of one network, checked and spelled out.
struct CnnShape {
  ops::ImageShape input;
  std::vector<Layer> layers;
  int64_t outputs = 0;
  std::string norm;
  int64_t norm_groups = 1;
  bool flatten = false;  ///< else global average pooling
  int64_t pixels = 0;    ///< H * W after the last layer

  /// Columns of the linear head.
  int64_t features() const { return layers.back().out * (flatten ? pixels : 1); }
};

/// Throws Error that lists everything wrong with the options.
CnnShape cnn_shape(const Options& options);

}  // namespace nfopt::cnn
