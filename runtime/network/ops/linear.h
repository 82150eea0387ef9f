#pragma once

#include <ATen/core/Tensor.h>
#include <nfopt/nflayers/spec/export.h>

namespace nfopt::ops {

/// Affine map of P members at once.
///
///   y[p, b] = W[p] x[p, b] + bias[p]
///
/// Shapes   x     [P|1, B.., in]     any number of batch axes; one x for all members is not copied
///          W     [P, out, in]       PyTorch's layout
///          bias  [P, out]           may be undefined
///          y     [P, B.., out]
/// Cost     one batched matrix product.
/// Throws Error when shapes disagree, with all of them.
NFOPT_API at::Tensor linear(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias = {});

}  // namespace nfopt::ops
