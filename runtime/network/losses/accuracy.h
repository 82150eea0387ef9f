#pragma once

#include <ATen/core/Tensor.h>
#include <nfopt/nflayers/spec/export.h>

namespace nfopt::losses {

/// Share of correct predictions of each member: a metric, without a gradient.
///
/// Shapes   logits [P, B.., C]   labels [P|1, B..] int64   ->  [P] in the dtype of the logits
NFOPT_API at::Tensor accuracy(const at::Tensor& logits, const at::Tensor& labels);

}  // namespace nfopt::losses
