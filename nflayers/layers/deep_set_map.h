#pragma once

#include <ATen/core/Tensor.h>
#include <nfopt/nflayers/random/rng.h>
#include <nfopt/nflayers/spec/export.h>

#include <vector>

namespace nfopt {

/// The linear layer of Deep Sets on a weight space: every entry of every tensor is one element of one set.
///
///   y_i = theta_0^T x_i + theta_1^T mean_j x_j + bias          i, j over all N entries of all tensors
///
/// Shapes   theta [P|1, 2, C_in, C_out]   bias [P|1, C_out]   x [P, B, C_in, shape...] per tensor
///          ->  y [P, B, C_out, shape...]
/// Group    commutes with every permutation of the N entries, across tensors too: no structure of the network is seen.
/// Errors   Error("layer", ..) for no tensors, and for one without C_in channels.
/// Cost     one pass for the mean, one for the product. Runs on any list of tensors: no weight space is needed.
/// Paper    Zaheer et al., arXiv:1703.06114, Lemma 3 (with means instead of sums).
/// [any-thread] pure; differentiable.
NFOPT_API std::vector<at::Tensor> deep_set_map(const at::Tensor& theta, const at::Tensor& bias,
                                               const std::vector<at::Tensor>& x);

/// The invariant pool of Deep Sets: the mean over all entries of all tensors, [P, B, C].
NFOPT_API at::Tensor deep_set_mean(const std::vector<at::Tensor>& x);

/// Fresh theta [2, C_in, C_out] or [1, 2, C_in, C_out]: N(0, 1 / (2 C_in)), as UNF layers start that have two terms.
NFOPT_API void fill_deep_set_theta(at::Tensor& theta, const Rng& rng);

}  // namespace nfopt
