#pragma once

#include <ATen/core/Tensor.h>
#include <nfopt/runtime/optimizers/named_tensors.h>

#include <string>

namespace nfopt {

/// Empty when the loss and the gradients of all parameters are finite; otherwise a sentence that names the first
/// parameter at fault: "the loss is nan; 'layers.0.weight' has 3 gradients of 2048 that are not finite."
NFOPT_API std::string describe_non_finite(const at::Tensor& loss, const NamedTensors& parameters);

/// The same for the parameters' values.
NFOPT_API std::string describe_non_finite_parameters(const NamedTensors& parameters);

}  // namespace nfopt
