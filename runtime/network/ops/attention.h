#pragma once

#include <ATen/core/Tensor.h>
#include <nfopt/nflayers/spec/export.h>

#include <cstdint>

namespace nfopt::ops {

/// Which positions a query may read.
enum class Visible : uint8_t {
  all,
  past  ///< itself and what came before: a decoder
};

/// Scaled dot-product attention of all members, examples and heads at once.
///
///   y[t] = sum_s softmax_s(q[t] . k[s] / sqrt(width)) v[s]
///
/// Shapes   q [P, B, H, T, k]   k [P, B, G, S, k]   v [P, B, G, S, v]   ->  [P, B, H, T, v]
///          G divides H: queries g*H/G .. (g+1)*H/G - 1 read the keys of group g, which are not copied.
/// Group    heads and, without rotary positions, the k and v entries of each head: [h, k@h], [h, v@h].
/// Cost     O(H T S) memory: written out, because its second derivative is needed (differentiating through training).
/// Throws Error when shapes disagree, or T differs from S where only the past is visible.
/// Paper    Vaswani et al., arXiv:1706.03762; groups: Ainslie et al., arXiv:2305.13245
NFOPT_API at::Tensor attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, Visible visible);

/// [P, B, T, H*width] -> [P, B, H, T, width], a view; and back.
NFOPT_API at::Tensor split_heads(const at::Tensor& x, int64_t heads);
NFOPT_API at::Tensor join_heads(const at::Tensor& x);

}  // namespace nfopt::ops
