#pragma once

#include <ATen/core/Tensor.h>
#include <nfopt/nflayers/spec/export.h>

namespace nfopt::losses {

/// Mean squared error of each member, over everything but the members.
///
/// Shapes   prediction [P, ..]   target [P|1, ..]   ->  [P]
/// Throws Error when shapes disagree: broadcasting a target silently is a classic way to train on nonsense.
NFOPT_API at::Tensor mean_squared_error(const at::Tensor& prediction, const at::Tensor& target);

}  // namespace nfopt::losses
