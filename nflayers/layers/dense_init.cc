#include <nfopt/nflayers/layers/dense_init.h>
#include <nfopt/nflayers/random/tensor_random.h>

#include <cmath>

namespace nfopt {

void fill_dense_weight(at::Tensor& w, const Rng& rng, int64_t inputs) {
  constexpr double kTruncatedStddev = 0.87962566103423978;  // of a unit normal cut at +-2
  fill_truncated_normal(w, rng, 1.0 / std::sqrt(static_cast<double>(inputs)) / kTruncatedStddev);
}

}  // namespace nfopt
