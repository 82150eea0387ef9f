#pragma once

#include <ATen/core/Tensor.h>
#include <nfopt/nflayers/kernels/aten/executor.h>
#include <nfopt/nflayers/plan/plan.h>
#include <nfopt/nflayers/random/rng.h>
#include <nfopt/nflayers/spec/weight_space.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace nfopt {

/// Matrices by key, [P|1, C_in, C_out] each, and biases by role, [P|1, C_out]: what a role-tied layer stores.
using RoleTiedTheta = std::map<std::string, at::Tensor>;

/// An equivariant linear layer whose coefficients belong to *kinds* of terms instead of terms, so that one trained layer
/// runs on every architecture (docs/role-tied.md).
///
///   y_v = bias[role_v] + sum over keys k of  Theta_k^T mean over the n(v, k) terms with key k of E_P(x_w)
///
/// The key of a term (view v written, view w read, partition P of their axes) is `role_v<role_w|relation|cells|X`:
///   relation   self (the same view), block (another view of the same block), else
///   cells      sorted `written:read` per cell of plain labels, one letter per factor: o units the tensor writes, i units
///              it reads, capital if it is a parent, x neither
///   X          what becomes of all "*" and "~" factors: keep (together, only in self) or mean
/// A term that keeps some of these factors and averages others has no key and no part in the layer. Biases have the keys
/// `bias|role`. Neither depth, width nor names enter a key.
/// Shapes   x [P, B, C_in, shape...] per tensor  ->  y [P, B, C_out, shape...]
/// Group    commutes with the layer group of Fold::none(), which contains every other.
/// Errors   Error("layer", ..) for shapes that do not fit, keys of the wrong shape, and repeated ordered labels in one
///          tensor that can be kept in more than one way.
/// Cost     "else" is the sum over all tensors minus the own block: evaluation is linear in the number of tensors.
///          Building enumerates every term once.
/// [any-thread] immutable; differentiable.
class NFOPT_API RoleTiedMap {
 public:
  RoleTiedMap(const WeightSpace& space, int64_t in_channels, int64_t out_channels);
  ~RoleTiedMap();

  int64_t in_channels() const;
  int64_t out_channels() const;
  /// Keys of matrices, sorted.
  const std::vector<std::string>& keys() const;
  /// Keys of biases, sorted.
  const std::vector<std::string>& bias_keys() const;

  /// Theta_k ~ N(0, 1 / (C_in * keys into v)), the most over the views v that have key k; biases 0. [1, ...] each,
  /// float64 on the CPU. Key k draws from rng.purpose(k): layers of other architectures start with the same numbers up
  /// to scale.
  RoleTiedTheta initial_theta(const Rng& rng) const;

  /// Keys that `theta` lacks count as zero; those that the space has no term for are ignored.
  std::vector<at::Tensor> operator()(const RoleTiedTheta& theta, const std::vector<at::Tensor>& x) const;

  /// The same layer with a coefficient for every term, Lambda(v, w, P) = Theta_key / n(v, key), for `plan()`. Its size
  /// is quadratic in the number of tensors: for tests and explanations.
  Coefficients untied(const RoleTiedTheta& theta) const;
  const Plan& plan() const;

 private:
  struct Parts;
  std::unique_ptr<const Parts> parts_;
};

}  // namespace nfopt
