#include <nfopt/nflayers/random/tensor_random.h>
#include <torch/types.h>

#include <algorithm>
#include <cmath>

namespace nfopt {
namespace {

// In pieces: a large parameter is not held a second time in float64.
template <class Draw>
at::Tensor& fill(at::Tensor& t, Draw draw) {
  constexpr int64_t kPiece = 1 << 16;
  at::NoGradGuard no_grad;
  const int64_t n = t.numel(), piece = t.is_contiguous() ? std::min(n, kPiece) : n;
  const at::Tensor values = at::empty({piece}, at::TensorOptions().dtype(at::kDouble));
  double* out = values.data_ptr<double>();
  for (int64_t first = 0; first < n; first += piece) {
    const int64_t count = std::min(piece, n - first);
    for (int64_t i = 0; i < count; ++i) out[i] = draw(static_cast<uint64_t>(first + i));
    if (piece == n)
      t.copy_(values.view(t.sizes()));
    else
      t.view({-1}).narrow(0, first, count).copy_(values.narrow(0, 0, count));
  }
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
