#pragma once

#include <ATen/core/Tensor.h>

namespace nfopt {

/// Mean cross entropy of each member and its derivative, in one pass without a graph:
///
///   loss[m] = mean_b  log sum_c exp(z[m, b, c]) - z[m, b, y]        z <- (softmax(z) - onehot(y)) / B
///
/// Shapes   z [M, B, C] contiguous, overwritten     targets [N, B] int64, member m reads row m % N     loss [M]
/// What is not a number stays so. float32 and float64.
void softmax_cross_entropy_(at::Tensor& logits, const at::Tensor& targets, at::Tensor& loss);

}  // namespace nfopt
