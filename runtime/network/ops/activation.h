#pragma once

#include <ATen/core/Tensor.h>
#include <nfopt/nflayers/spec/export.h>

#include <string>
#include <vector>

namespace nfopt::ops {

/// An elementwise nonlinearity; keeps the shape.
using Activation = at::Tensor (*)(const at::Tensor&);

/// By name; a miss throws Error that lists the names.
///   identity, relu, leaky_relu (slope 0.01), elu, gelu (exact), gelu_tanh, silu, tanh, sigmoid, softplus, sine (sin x)
NFOPT_API Activation activation(const std::string& name);

/// The choices of an option.
NFOPT_API std::vector<std::string> activation_names();

}  // namespace nfopt::ops
