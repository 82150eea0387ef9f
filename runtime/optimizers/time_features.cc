#include <nfopt/runtime/optimizers/time_features.h>
#include <torch/types.h>

#include <cmath>

namespace nfopt {

std::vector<double> time_features(int64_t step, const std::vector<double>& scales) {
  std::vector<double> values;
  values.reserve(scales.size());
  for (const double tau : scales) values.push_back(std::tanh(static_cast<double>(step) / tau - 1));
  return values;
}

at::Tensor time_features(const std::vector<int64_t>& steps, const std::vector<double>& scales, const at::Tensor& like) {
  std::vector<double> values;
  for (const int64_t step : steps) {
    const std::vector<double> row = time_features(step, scales);
    values.insert(values.end(), row.begin(), row.end());
  }
  return at::tensor(values, like.options().requires_grad(false))
      .view({static_cast<int64_t>(steps.size()), static_cast<int64_t>(scales.size())});
}

}  // namespace nfopt
