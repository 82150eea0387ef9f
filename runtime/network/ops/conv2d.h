#pragma once

#include <ATen/core/Tensor.h>
#include <nfopt/nflayers/spec/export.h>

#include <cstdint>

namespace nfopt::ops {

/// The same along both axes of an image.
struct Conv2dOptions {
  int64_t stride = 1;
  int64_t padding = 0;  ///< zeros on every side
  int64_t groups = 1;   ///< in: depthwise
};

/// Two-dimensional convolution (cross-correlation) of P members at once.
///
///   y[p, b, o] = bias[p, o] + sum over the inputs i of o's group   W[p, o, i] * x[p, b, i]
///
/// Shapes   x     [P|1, B, in, H, W]
///          W     [P, out, in/groups, kh, kw]     PyTorch's layout
///          bias  [P, out]                        may be undefined
///          y     [P, B, out, H', W']             H' = (H + 2*padding - kh) / stride + 1
/// Cost     one convolution: members are groups of channels; over one x for all members they are further outputs of a
///          plain convolution, and P = 1 is the plain convolution itself. Nothing is copied but a shared x when
///          groups > 1.
/// Throws Error when shapes disagree, with all of them.
NFOPT_API at::Tensor conv2d(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias = {},
                            const Conv2dOptions& options = {});

}  // namespace nfopt::ops
