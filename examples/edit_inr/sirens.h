#pragma once

#include <ATen/core/Tensor.h>
#include <nfopt/nflayers/random/rng.h>
#include <nfopt/nflayers/spec/weight_space.h>
#include <nfopt/runtime/network/network.h>

#include <functional>
#include <memory>
#include <vector>

/// Images as networks: P SIRENs (x, y) -> grey value 2-width-width-1, the plugin `mlp` with sines, as one population.
/// Weights are a list [P, shape...] in the order of the space: w0, b0, w1, b1, w2, b2.
class Sirens {
 public:
  explicit Sirens(int64_t width);

  const nfopt::WeightSpacePtr& space() const { return space_; }
  std::vector<at::Tensor> fresh(int64_t count, const nfopt::Rng& rng) const;

  /// Values at the pixel centres of a size x size grid on [-1, 1]^2, [P, size, size]. Any size.
  at::Tensor render(const std::vector<at::Tensor>& weights, int64_t size) const;

 private:
  nfopt::WeightSpacePtr space_;
  std::unique_ptr<nfopt::Network> network_;
};

struct FitOptions {
  int64_t steps = 100;
  double rate = 3e-3;      ///< Adam's, of the output layer; it falls to 0 along a cosine
  int64_t chunk = 32;      ///< networks of one task
  bool one_start = false;  ///< all from the same random weights, instead of each from its own
  uint64_t seed = 0;
};

/// One SIREN for each of images [P, size, size]. Networks do not mix, so that a
/// sum of losses and one Adam fit a whole chunk; chunks run side by side on TBB. `progress` hears of steps done so far
/// (networks times steps) and of a chunk's mean squared error, from one thread at a time.
std::vector<at::Tensor> fit(const Sirens& sirens, const at::Tensor& images, const FitOptions& options,
                            const std::function<void(int64_t done, double error)>& progress);
