#pragma once

#include <ATen/core/Tensor.h>
#include <nfopt/nflayers/spec/export.h>

#include <vector>

namespace nfopt {

struct AccumulatedMomenta {
  at::Tensor momenta;          ///< [P, K, N]
  at::Tensor sums_of_squares;  ///< [P, T], per parameter tensor
};

/// Throws Error("kernels", ..) that lists every tensor whose shape, type or device does not fit (see aten::accumulate).
NFOPT_API void check_momenta(const std::vector<at::Tensor>& params, const std::vector<at::Tensor>& grads,
                             const at::Tensor& momenta, const std::vector<double>& decays, double clip);

namespace aten {

/// The first pass of a learned step: momenta, and what their whole-tensor RMS needs (the inputs of Universal Neural
/// Functionals as optimizers, arXiv:2402.05232). With c(x) = min(max(x, -clip), clip), for a parameter tensor of n
/// elements:
///
///   m_k <- a_k m_k + (1 - a_k) g                         k = 1..K
///   s    = sum over the n elements of c(p)^2 + c(g)^2 + sum_k c(m_k)^2        mean square = s / ((2 + K) n)
///
///   params, grads  T tensors [P, shape...], floating, one type each
///   momenta        [P, K, N], the T tensors laid end to end along N; its type is the one computed in
/// P members of a population. `clip` may be infinite; NaN stays NaN. Reference for the fused kernels: any device,
/// differentiable.
NFOPT_API AccumulatedMomenta accumulate_momenta(const std::vector<at::Tensor>& params,
                                                const std::vector<at::Tensor>& grads, const at::Tensor& momenta,
                                                const std::vector<double>& decays, double clip);

}  // namespace aten
}  // namespace nfopt
