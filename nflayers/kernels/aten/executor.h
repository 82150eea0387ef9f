#pragma once

#include <ATen/core/Tensor.h>
#include <nfopt/nflayers/plan/coefficients.h>
#include <nfopt/nflayers/plan/plan.h>

#include <vector>

namespace nfopt {

/// The numbers of a layer: values [P|1, CoefficientShape::total()] for C_in -> C_out channels, one set per member of a
/// population or one for all.
struct Coefficients {
  at::Tensor values;
  int64_t in_channels = 0;
  int64_t out_channels = 0;
};

namespace aten {

/// The reference executor: any device, dtype and strides. Features are one tensor [P, B, C, shape...] per tensor of
/// the space, buffers included, in its order; P members of a population, B networks each.
///
///   apply             y = L(m) x                    [P, B, C_out, shape...]
///   adjoint           z = L(m)^T y                  [P, B, C_in, shape...]     <apply(x), y> = <x, adjoint(y)> + bias
///   . y coefficient_grad  g = d <apply(x), y> / d m     [P|1, total], bias included
///
/// Compositions of differentiable operators: they may run under grad mode, but `weight_space_linear` is cheaper.
/// Throw Error("layer", ..) that lists every tensor whose shape, dtype or device does not fit.
NFOPT_API std::vector<at::Tensor> apply(const Plan& plan, const Coefficients& m, const std::vector<at::Tensor>& x);
NFOPT_API std::vector<at::Tensor> adjoint(const Plan& plan, const Coefficients& m, const std::vector<at::Tensor>& y);
NFOPT_API at::Tensor coefficient_grad(const Plan& plan, const Coefficients& m, const std::vector<at::Tensor>& x,
                                      const std::vector<at::Tensor>& y);

/// The same in steps, for callers that keep the contracted features: X of every signature, [P, B, K, N].
std::vector<at::Tensor> contract_features(const Plan& plan, const std::vector<at::Tensor>& x);
std::vector<at::Tensor> contract_cotangents(const Plan& plan, const std::vector<at::Tensor>& y);
std::vector<at::Tensor> apply_contracted(const Plan& plan, const Coefficients& m, const std::vector<at::Tensor>& xs);
std::vector<at::Tensor> adjoint_contracted(const Plan& plan, const Coefficients& m, const std::vector<at::Tensor>& ys);
at::Tensor coefficient_grad_contracted(const Plan& plan, const Coefficients& m, const std::vector<at::Tensor>& xs,
                                       const std::vector<at::Tensor>& ys);

}  // namespace aten
}  // namespace nfopt
