#pragma once

#include <ATen/core/Tensor.h>
#include <nfopt/nflayers/spec/export.h>

namespace nfopt {

/// softmax(q k^T / sqrt(d)) v over the last two axes.
///
/// Shapes   q [..., T, d], k [..., S, d], v [..., S, e]  ->  [..., T, e]
NFOPT_API at::Tensor simple_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v);

}  // namespace nfopt
