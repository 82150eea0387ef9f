#pragma once

#include <ATen/core/Tensor.h>
#include <nfopt/nflayers/spec/export.h>

namespace nfopt::ops {

/// Root-mean-square normalisation of P members at once, over the last axis.
///
///   y = x / sqrt(mean(x^2) + epsilon) * weight
///
/// Shapes   x [P|1, B.., d]   weight [P, d]   ->  [P, B.., d]
/// Group    features may be permuted: [d].
/// Throws Error when shapes disagree.
/// Paper    Zhang, Sennrich, arXiv:1910.07467
NFOPT_API at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& weight, double epsilon = 1e-5);

}  // namespace nfopt::ops
