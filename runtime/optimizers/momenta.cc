#include <nfopt/runtime/optimizers/momenta.h>
#include <torch/types.h>

#include <cmath>

namespace nfopt {
namespace {

/// One number per decay, or one per member and decay, shaped to multiply [P, K, N].
at::Tensor per_decay(const std::vector<double>& values, const at::Tensor& like, int64_t members = 1) {
  return at::tensor(values, like.options().requires_grad(false)).view({members, -1, 1});
}

}  // namespace

at::Tensor decayed_averages(const at::Tensor& m, const at::Tensor& x, const std::vector<double>& decays) {
  return decayed_averages(m, x, one_minus_decays(decays, {}, m));
}

at::Tensor decayed_averages(const at::Tensor& m, const at::Tensor& x, const at::Tensor& one_minus_decay) {
  return at::lerp(m, x.unsqueeze(1), one_minus_decay);
}

at::Tensor one_minus_decays(const std::vector<double>& decays, const at::Tensor& theta, const at::Tensor& like) {
  std::vector<double> start;  // 1 - 0.999 in float32 would be off by 1e-5 of its value
  for (const double a : decays) start.push_back(1 - a);
  const at::Tensor weights = per_decay(start, like);
  return theta.defined() ? weights * (theta * 10).exp().unsqueeze(2) : weights;
}

at::Tensor inverse_rms(const at::Tensor& v, double epsilon) { return (v + epsilon).rsqrt(); }

at::Tensor normalized_averages(const at::Tensor& m, const std::vector<double>& decays, const at::Tensor& v, double c,
                               double floor, const std::vector<int64_t>& updates) {
  const auto correction = [](double decay, int64_t count) {
    return 1 / (1 - std::pow(decay, static_cast<double>(count)));
  };
  std::vector<double> corrections, square_corrections;
  for (const int64_t count : updates) {
    for (const double a : decays) corrections.push_back(correction(a, count));
    square_corrections.push_back(correction(c, count));
  }
  const auto counts = static_cast<int64_t>(updates.size());
  const at::Tensor scale = (v * per_decay(square_corrections, v, counts)).clamp_min(floor).rsqrt();
  return m * per_decay(corrections, m, counts) * scale;
}

}  // namespace nfopt
