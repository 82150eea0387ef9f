#include <nfopt/runtime/optimizers/time_features.h>
#include <torch/torch.h>

#include <cmath>

namespace nfopt {

at::Tensor time_features(int64_t step, const std::vector<double>& scales, const at::Tensor& like) {
  std::vector<double> values;
  values.reserve(scales.size());
  for (const double tau : scales) values.push_back(std::tanh(static_cast<double>(step) / tau - 1));
  return at::tensor(values, like.options().requires_grad(false));
}

}  // namespace nfopt
