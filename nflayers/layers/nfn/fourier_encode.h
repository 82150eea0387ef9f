#pragma once

#include <ATen/core/Tensor.h>
#include <nfopt/nflayers/spec/export.h>

#include <cstdint>

namespace nfopt {

/// Sines and cosines of `num_bands` frequencies, equally spaced from 1 to max_freq / 2, beside the number itself.
///
///   y = (sin(pi x s_k), all k ; cos(pi x s_k), all k ; x)       s_k = 1 + k (max_freq / 2 - 1) / (num_bands - 1)
///
/// Shapes   x [n]  ->  [n, 2 * num_bands + 1]
NFOPT_API at::Tensor fourier_encode(const at::Tensor& x, double max_freq, int64_t num_bands = 4);

}  // namespace nfopt
