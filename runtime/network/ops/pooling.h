#pragma once

#include <ATen/core/Tensor.h>
#include <nfopt/nflayers/spec/export.h>

#include <cstdint>

namespace nfopt::ops {

struct MaxPoolOptions {
  int64_t size = 2;  ///< of the square window
  int64_t stride = 2;
  int64_t padding = 0;  ///< on every side; never the largest. At most size / 2
};

/// The largest entry of each window.
///
///   [P, B, C, H, W]  ->  [P, B, C, H', W']      H' = (H + 2*padding - size) / stride + 1
///
/// Throws Error when no window fits.
NFOPT_API at::Tensor max_pool(const at::Tensor& x, const MaxPoolOptions& options = {});

/// The mean over the whole image: [P, B, C, H, W] -> [P, B, C].
NFOPT_API at::Tensor global_average_pool(const at::Tensor& x);

}  // namespace nfopt::ops
