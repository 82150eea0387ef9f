#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

namespace nfopt {

/// tanh(t/tau - 1) per time scale tau, computed in float64 on the CPU and converted to the type and device of `like`:
/// float32 arithmetic would lose late steps.   -> [scales]
at::Tensor time_features(int64_t step, const std::vector<double>& scales, const at::Tensor& like);

}  // namespace nfopt
