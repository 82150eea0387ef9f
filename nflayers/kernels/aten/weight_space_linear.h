#pragma once

#include <ATen/core/Tensor.h>
#include <nfopt/nflayers/kernels/aten/executor.h>

#include <memory>
#include <vector>

namespace nfopt {

/// A linear layer over a weight space as one autograd node.
///
///   y = L(m) x + bias     x [P, B, C_in, shape...]  ->  y [P, B, C_out, shape...], one per tensor of the space
///
/// The node keeps the contracted inputs; its backward is the adjoint and one Gram product per signature. Under
/// create_graph both are rebuilt from the inputs by differentiable operators, so that derivatives of any order exist.
/// Throws Error("layer", ..) like aten::apply.
NFOPT_API std::vector<at::Tensor> weight_space_linear(const std::shared_ptr<const Plan>& plan, const Coefficients& m,
                                                      const std::vector<at::Tensor>& x);

}  // namespace nfopt
