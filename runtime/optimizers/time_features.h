#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

namespace nfopt {

/// tanh(t/tau - 1) per time scale tau, in float64: float32 arithmetic would lose late steps.
std::vector<double> time_features(int64_t step, const std::vector<double>& scales);

/// The same for every step of `steps`, as one tensor of the type and device of `like`.   -> [steps, scales]
at::Tensor time_features(const std::vector<int64_t>& steps, const std::vector<double>& scales, const at::Tensor& like);

}  // namespace nfopt
