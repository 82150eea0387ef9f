#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

namespace nfopt {

/// m_k <- a_k m_k + (1 - a_k) x, without bias correction.   m [P, K, N], x [P, N]
at::Tensor decayed_averages(const at::Tensor& m, const at::Tensor& x, const std::vector<double>& decays);
/// The same with 1 - a_k as numbers that may be learned, [P|1, K, 1].
at::Tensor decayed_averages(const at::Tensor& m, const at::Tensor& x, const at::Tensor& one_minus_decay);

/// 1 - a_k = (1 - a) e^(10 theta), [P|1, K, 1], from decays at the start and theta [P|1, K]; without theta [1, K, 1] in
/// the type of `like`.
at::Tensor one_minus_decays(const std::vector<double>& decays, const at::Tensor& theta, const at::Tensor& like);

/// (v + epsilon)^(-1/2)
at::Tensor inverse_rms(const at::Tensor& v, double epsilon);

/// (m_k / (1 - a_k^T)) * max(v / (1 - c^T), floor)^(-1/2).   m [P, K, N], v [P, 1, N], T >= 1 updates done: one number
/// for all members, or one for each
at::Tensor normalized_averages(const at::Tensor& m, const std::vector<double>& decays, const at::Tensor& v, double c,
                               double floor, const std::vector<int64_t>& updates);

}  // namespace nfopt
