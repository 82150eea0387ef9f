#pragma once

#include <ATen/core/Tensor.h>
#include <nfopt/runtime/optimizers/parameter_layout.h>
#include <nfopt/runtime/optimizers/rule_description.h>

namespace nfopt {

/// x [P, C, N] scaled per parameter tensor and member (see Normalization). Views do not matter: one number per tensor,
/// also where layers read it as several views.
at::Tensor normalize(const at::Tensor& x, const ParameterLayout& layout, Normalization normalization, double epsilon);

}  // namespace nfopt
