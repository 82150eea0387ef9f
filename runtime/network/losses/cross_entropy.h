#pragma once

#include <ATen/core/Tensor.h>
#include <nfopt/nflayers/spec/export.h>

namespace nfopt::losses {

/// Mean cross entropy of each member.
///
///   loss[p] = mean_b  -log softmax(logits[p, b])[labels[p, b]]
///
/// Shapes   logits [P, B.., C]   labels [P|1, B..] int64   ->  [P]
/// The sum over members backpropagates to each member's own gradient. Throws Error when shapes disagree.
NFOPT_API at::Tensor cross_entropy(const at::Tensor& logits, const at::Tensor& labels);

}  // namespace nfopt::losses
