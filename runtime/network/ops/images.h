#pragma once

#include <ATen/core/Tensor.h>
#include <nfopt/nflayers/spec/export.h>

#include <cstdint>

namespace nfopt::ops {

struct ImageShape {
  int64_t channels = 0;
  int64_t height = 0;
  int64_t width = 0;
};

/// Examples as images, however a data set delivers them.
///
///   [P|1, B, C, h, w]                           ->  unchanged: a network may take images of any size
///   [P|1, B, ..], C*H*W entries, row-major      ->  [P|1, B, C, H, W]
///
/// Throws Error when neither fits.
NFOPT_API at::Tensor images(const at::Tensor& x, const ImageShape& shape);

}  // namespace nfopt::ops
