#pragma once

#include <ATen/core/Tensor.h>
#include <nfopt/nflayers/spec/export.h>

#include <cstdint>

namespace nfopt::ops {

/// Group normalisation of P members at once: each example by its own statistics, over one group of adjacent channels
/// and all axes. groups = 1 is layer normalisation over [C, axes..], groups = C instance normalisation.
///
///   y = (x - mean) / sqrt(variance + epsilon) * weight + bias
///
/// Shapes   x [P, B, C, axes..]   weight, bias [P, C]   ->  [P, B, C, axes..]
/// Group    channels may be permuted within a group, and groups as a whole: [[g=groups, c@g]]. A flat label is wrong.
/// Cost     one kernel: the groups of all members are groups of P*C channels.
/// Throws Error when shapes disagree or `groups` does not divide C.
/// Paper    Wu, He, arXiv:1803.08494
NFOPT_API at::Tensor group_norm(const at::Tensor& x, int64_t groups, const at::Tensor& weight, const at::Tensor& bias,
                                double epsilon = 1e-5);

}  // namespace nfopt::ops
