#pragma once

#include <ATen/core/Tensor.h>
#include <nfopt/runtime/meta/unroll.h>
#include <nfopt/runtime/optimizers/named_tensors.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace nfopt {

/// How the loss of a whole trajectory becomes one number.
enum class TrajectoryLoss : uint8_t {
  average,        ///< mean over the steps
  minimum,        ///< smallest loss of a step
  last,           ///< loss of the last step, hence before the last update
  last_recompute  ///< mean over fresh batches at the final weights
};

/// Everything that decides what an estimator computes.
///
///   pes                  persistent evolution strategies (arXiv:2112.13835)
///   truncated_es         evolution strategies on windows; both signs start a window from the positive trajectory
///   es_single            one perturbation per trajectory (arXiv:2304.11153)
///   full_es              evolution strategies on whole trajectories, fresh ones in every call
///   truncated_gradient   backpropagation through the window
///   full_gradient        backpropagation through a whole trajectory, segments recomputed
struct EstimatorOptions {
  std::string method = "pes";
  int64_t window = 50;  ///< K. full_es: trajectories last a multiple of it; full_gradient: steps held in memory at once
  double sigma = 0.01;
  std::optional<double> sign_delta_loss_scalar = {};         ///< c: a difference d becomes c * sign(d)
  std::optional<double> clip_loss_diff = {};                 ///< full_es: |d| at most this
  TrajectoryLoss trajectory_loss = TrajectoryLoss::average;  ///< full_es, full_gradient
  int64_t recompute_batches = 10;                            ///< for last_recompute
};

/// The meta-gradient of some particles, as sums, so that parts add up in a fixed order.
struct NFOPT_API Estimate {
  at::Tensor gradient;    ///< [D] float64: sum over particles
  double loss = 0;        ///< sum over particles of the mean of both signs' mean losses
  int64_t particles = 0;  ///< N
  int64_t steps = 0;      ///< member-steps that trained
  int64_t finished = 0;   ///< trajectories that ended (pairs)
  int64_t diverged = 0;   ///< members that stopped being finite
  int64_t dropped = 0;    ///< particles left out because their contribution was not finite

  /// All of it as one vector [D + 6] float64, for sending.
  at::Tensor packed() const;
  static Estimate unpacked(const at::Tensor& packed);
};

/// The mean over all particles of several parts, added in the order given.
struct NFOPT_API MetaGradient {
  at::Tensor gradient;  ///< [D] float64
  double loss = 0;
  int64_t steps = 0;
  int64_t finished = 0;
  int64_t diverged = 0;
  int64_t dropped = 0;
};
NFOPT_API MetaGradient mean_of(const std::vector<Estimate>& parts);

/// One interface for all estimators of d(meta-loss)/d(theta) over the particles of one unroll.
///
/// With eps [N, D] = sigma * normal, D_t = loss+_t - loss-_t, M = sum_t mask_t, f_t = 1 from the finishing step on:
///   pes           g = sum_i (last_i xi_i + new_i eps_i) / (2 sigma^2)     xi <- xi + eps before, eps after an end
///                 last = sum_t D_t (1-f_t) mask_t / M      new = sum_t D_t f_t mask_t / M
///   truncated_es  g = sum_i d_i eps_i / (2 sigma^2)        d = masked mean of loss+ minus that of loss-
///   es_single     the same with the eps the trajectory started with
///   full_es       the same with d of the trajectory losses; not-a-number and infinities become 0
/// A particle whose difference is not finite contributes nothing and is counted. Sums run in particle order, in float64.
/// Source  docs/meta-training.md
class NFOPT_API Estimator {
 public:
  virtual ~Estimator();

  /// Signs the unroll must have: 2 antithetic, 1 for backpropagation.
  virtual int64_t signs() const = 0;
  /// theta [D], eps [N, D] (ignored with one sign), both float64.
  virtual Estimate estimate(const at::Tensor& theta, const at::Tensor& eps, Unroll& unroll) = 0;

  /// Accumulators, for a checkpoint: pes `accumulator` [N, D]; es_single `held` [N, D], `ended` [N]; else nothing.
  virtual NamedTensors state() const = 0;
  virtual void load_state(const NamedTensors& state) = 0;
};

/// For N particles and D meta-parameters. Throws Error for options that contradict themselves; an unknown method lists
/// the known ones.
NFOPT_API std::unique_ptr<Estimator> make_estimator(const EstimatorOptions& options, int64_t particles, int64_t size);
NFOPT_API std::vector<std::string> estimator_names();
NFOPT_API std::vector<std::string> trajectory_loss_names();
NFOPT_API TrajectoryLoss trajectory_loss(const std::string& name);

}  // namespace nfopt
