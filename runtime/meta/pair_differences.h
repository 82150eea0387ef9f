#pragma once

#include <nfopt/runtime/meta/unroll.h>

#include <cstdint>
#include <optional>
#include <vector>

namespace nfopt {

/// What an antithetic window says about each particle. Sums over steps run in order, in float64.
struct PairDifferences {
  std::vector<double> before;     ///< sum_t D_t (1 - f_t) mask_t / M
  std::vector<double> after;      ///< sum_t D_t f_t mask_t / M
  std::vector<double> mean_loss;  ///< half the sum of both signs' masked means
  std::vector<bool> ended;        ///< f at the window's last step
  int64_t finished = 0;
};

/// D_t = loss+_t - loss-_t, M = sum_t mask_t, f_t = 1 from the step on with which the trajectory ended. A particle that
/// sat out the whole window has zeros. With `sign_scalar` c, D_t is c * sign(mean_t(D_t mask_t)) for all t.
PairDifferences pair_differences(const Window& window, std::optional<double> sign_scalar);

/// sum += weight * row i of `rows`; a weight that is not finite is left out. Returns whether it was added.
bool add_row(at::Tensor& sum, double weight, const at::Tensor& rows, int64_t i);

}  // namespace nfopt
