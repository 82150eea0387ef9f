#pragma once

#include <ATen/core/Tensor.h>

namespace nfopt::aten {

/// Y[p, b] = M[p] X[p, b].
/// Shapes   M [P|1, O, K]   X [P, B, K, N]   Y [P, B, O, N], contiguous. M [1] is never copied per member.
at::Tensor channel_product(const at::Tensor& m, const at::Tensor& x);

/// G[p] = sum over b of Y[p, b] X[p, b]^T, and over p too if `members` is 1.
/// Shapes   Y [P, B, O, N]   X [P, B, K, N]   G [members, O, K]
at::Tensor gram_product(const at::Tensor& y, const at::Tensor& x, int64_t members);

}  // namespace nfopt::aten
