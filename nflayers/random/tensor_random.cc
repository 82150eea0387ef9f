#include <nfopt/nflayers/random/tensor_random.h>
#include <torch/types.h>

#include <cmath>

namespace nfopt {
namespace {

template <class Draw>
at::Tensor& fill(at::Tensor& t, Draw draw) {
  at::NoGradGuard no_grad;
  at::Tensor values = at::empty(t.sizes(), at::TensorOptions().dtype(at::kDouble));
  double* out = values.data_ptr<double>();
  for (int64_t i = 0, n = values.numel(); i < n; ++i) out[i] = draw(static_cast<uint64_t>(i));
  t.copy_(values);
  return t;
}

}  // namespace

at::Tensor& fill_normal(at::Tensor& t, const Rng& rng, double mean, double stddev) {
  return fill(t, [&](uint64_t i) { return mean + stddev * rng.normal(i); });
}

at::Tensor& fill_uniform(at::Tensor& t, const Rng& rng, double low, double high) {
  return fill(t, [&](uint64_t i) { return low + (high - low) * rng.uniform(i); });
}

at::Tensor& fill_truncated_normal(at::Tensor& t, const Rng& rng, double stddev) {
  return fill(t, [&](uint64_t i) {
    for (uint64_t attempt = 0;; ++attempt) {
      const double z = (attempt == 0 ? rng : rng.index(attempt)).normal(i);
      if (std::abs(z) <= 2.0) return stddev * z;
    }
  });
}

}  // namespace nfopt
