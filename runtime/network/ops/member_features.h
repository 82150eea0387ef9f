#pragma once

#include <ATen/core/Tensor.h>

namespace nfopt::ops {

/// A parameter of features [P, d] as a view [P, 1, .., 1, d] beside x [P|1, B.., d]. `operation` names who asks:
/// throws Error when the shapes disagree.
at::Tensor beside_features(const char* operation, const at::Tensor& x, const at::Tensor& parameter);

}  // namespace nfopt::ops
