#pragma once

#include <ATen/core/Tensor.h>
#include <nfopt/nflayers/spec/export.h>

namespace nfopt::losses {

/// Labels [P|1, B..] as one view [P, B..] beside logits [P, B.., C]; throws Error, with both shapes, when they
/// disagree.
NFOPT_API at::Tensor labels_of_members(const char* loss, const at::Tensor& logits, const at::Tensor& labels);

}  // namespace nfopt::losses
