#pragma once

#include <ATen/core/Tensor.h>
#include <nfopt/nflayers/spec/export.h>

namespace nfopt::ops {

/// Rotary positions: the pair (x_i, x_{i + k/2}) of the vector at position t turns by the angle t * base^(-2i/k).
/// Scalar products of two turned vectors depend on the distance of their positions only.
///
///   y = x * cos + (-second half, first half) * sin
///
/// Shapes   x [.., T, k], k even   ->  the same
/// Group    the last axis is ordered (~rot): pairs turn with different speeds.
/// Throws Error when k is odd.
/// Paper    Su et al., arXiv:2104.09864; halves instead of neighbours, as Llama does
NFOPT_API at::Tensor rotary(const at::Tensor& x, double base = 10000.0);

}  // namespace nfopt::ops
