#pragma once

#include <ATen/core/Tensor.h>
#include <nfopt/nflayers/kernels/aten/executor.h>

#include <vector>

namespace nfopt::aten {

/// Throws Error("layer", ..) listing every feature tensor that is not [P, B, channels, shape...] with the P, B, dtype
/// and device of the coefficients and of the others.
void check_features(const Plan& plan, const Coefficients& m, const std::vector<at::Tensor>& features, int64_t channels);

}  // namespace nfopt::aten
