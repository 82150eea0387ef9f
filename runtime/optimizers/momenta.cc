#include <nfopt/runtime/optimizers/momenta.h>
#include <torch/torch.h>

#include <cmath>

namespace nfopt {
namespace {

/// One number per decay, shaped to multiply [P, K, N].
at::Tensor per_decay(std::vector<double> values, const at::Tensor& like) {
  return at::tensor(values, like.options().requires_grad(false)).view({1, -1, 1});
}

}  // namespace

at::Tensor decayed_averages(const at::Tensor& m, const at::Tensor& x, const std::vector<double>& decays) {
  std::vector<double> weights;
  for (const double a : decays) weights.push_back(1 - a);
  return at::lerp(m, x.unsqueeze(1), per_decay(std::move(weights), m));
}

at::Tensor normalized_averages(const at::Tensor& m, const std::vector<double>& decays, const at::Tensor& v, double c,
                               double floor, int64_t updates) {
  const auto correction = [updates](double decay) { return 1 / (1 - std::pow(decay, static_cast<double>(updates))); };
  std::vector<double> corrections;
  for (const double a : decays) corrections.push_back(correction(a));
  const at::Tensor scale = (v * correction(c)).clamp_min(floor).rsqrt();
  return m * per_decay(std::move(corrections), m) * scale;
}

}  // namespace nfopt
