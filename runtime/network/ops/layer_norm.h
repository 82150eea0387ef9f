#pragma once

#include <ATen/core/Tensor.h>
#include <nfopt/nflayers/spec/export.h>

namespace nfopt::ops {

/// Layer normalisation of P members at once, over the last axis.
///
///   y = (x - mean) / sqrt(variance + epsilon) * weight + bias
///
/// Shapes   x [P|1, B.., d]   weight [P, d]   bias [P, d] or undefined   ->  [P, B.., d]
/// Group    features may be permuted: [d].
/// Throws Error when shapes disagree.
/// Paper    Ba, Kiros, Hinton, arXiv:1607.06450
NFOPT_API at::Tensor layer_norm(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias = {},
                                double epsilon = 1e-5);

}  // namespace nfopt::ops
