#pragma once

#include <ATen/core/Tensor.h>
#include <nfopt/nflayers/random/rng.h>

namespace nfopt {

/// Fill a tensor from a counter-based generator: element i (row-major, whatever the strides) gets draw i.
/// Values are computed in float64 on the CPU and converted, so that float32 and float64, CPU and CUDA runs start
/// from the same numbers. Return the tensor. O(numel).
NFOPT_API at::Tensor& fill_normal(at::Tensor& t, const Rng& rng, double mean, double stddev);
NFOPT_API at::Tensor& fill_uniform(at::Tensor& t, const Rng& rng, double low, double high);
/// Normal draws, redrawn outside +-2 standard deviations of the parent normal; `stddev` is the parent's.
NFOPT_API at::Tensor& fill_truncated_normal(at::Tensor& t, const Rng& rng, double stddev);

}  // namespace nfopt
