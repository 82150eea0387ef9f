#include <nfopt/nflayers/spec/error.h>
#include <nfopt/runtime/meta/evolution_strategies.h>
#include <nfopt/runtime/meta/pair_differences.h>
#include <torch/types.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace nfopt {
namespace {

/// [2N, D]: theta + eps, then theta - eps.
at::Tensor antithetic(const at::Tensor& theta, const at::Tensor& eps) {
  return at::cat({theta.unsqueeze(0) + eps, theta.unsqueeze(0) - eps});
}

void check_shapes(const at::Tensor& theta, const at::Tensor& eps, const Unroll& unroll, int64_t particles,
                  int64_t size) {
  if (unroll.signs() != 2 || unroll.particles() != particles)
    throw Error("meta", "the estimator compares " + std::to_string(particles) + " antithetic pairs, the unroll has " +
                            std::to_string(unroll.particles()) + " particles with " + std::to_string(unroll.signs()) +
                            " sign(s).");
  if (theta.sizes() != at::IntArrayRef({size}) || eps.sizes() != at::IntArrayRef({particles, size}))
    throw Error("meta", "expected theta [" + std::to_string(size) + "] and perturbations [" +
                            std::to_string(particles) + ", " + std::to_string(size) + "].");
}

void load_tensor(at::Tensor& into, const NamedTensors& state, const char* name) {
  const at::Tensor& given = state.at(name);
  if (given.sizes() != into.sizes())
    throw Error("meta", std::string("the estimator's '") + name +
                            "' has another shape. The checkpoint is of another rule, or of other chunks of particles.");
  into.copy_(given);
}

class EvolutionStrategy : public Estimator {
 public:
  EvolutionStrategy(const EstimatorOptions& options, int64_t particles, int64_t size)
      : options_(options), particles_(particles), size_(size) {}

  int64_t signs() const final { return 2; }
  NamedTensors state() const override { return {}; }
  void load_state(const NamedTensors&) override {}

 protected:
  Estimate begin(const Window& window) const {
    Estimate estimate;
    estimate.gradient = at::zeros({size_}, at::kDouble);
    estimate.particles = particles_;
    estimate.steps = window.steps;
    estimate.diverged = window.diverged;
    return estimate;
  }
  /// sum_i d_i row_i / (2 sigma^2)
  void finish(Estimate& estimate) const { estimate.gradient.div_(2.0 * options_.sigma * options_.sigma); }

  EstimatorOptions options_;
  int64_t particles_;
  int64_t size_;
};

class Pes final : public EvolutionStrategy {
 public:
  Pes(const EstimatorOptions& options, int64_t particles, int64_t size)
      : EvolutionStrategy(options, particles, size), accumulator_(at::zeros({particles, size}, at::kDouble)) {}

  Estimate estimate(const at::Tensor& theta, const at::Tensor& eps, Unroll& unroll) override {
    check_shapes(theta, eps, unroll, particles_, size_);
    const Window window = unroll.run(antithetic(theta, eps), {options_.window, Restart::next_step});
    const PairDifferences d = pair_differences(window, options_.sign_delta_loss_scalar);

    accumulator_.add_(eps);
    Estimate estimate = begin(window);
    estimate.finished = d.finished;
    for (int64_t i = 0; i < particles_; ++i) {
      estimate.loss += d.mean_loss[i];
      if (!std::isfinite(d.before[i] + d.after[i])) {
        ++estimate.dropped;
      } else {
        add_row(estimate.gradient, d.before[i], accumulator_, i);
        add_row(estimate.gradient, d.after[i], eps, i);
      }
      if (d.ended[i]) accumulator_[i].copy_(eps[i]);
    }
    finish(estimate);
    return estimate;
  }

  NamedTensors state() const override {
    NamedTensors state;
    state.add("accumulator", accumulator_.clone());
    return state;
  }
  void load_state(const NamedTensors& state) override { load_tensor(accumulator_, state, "accumulator"); }

 private:
  at::Tensor accumulator_;  ///< xi [N, D]
};

class TruncatedEs final : public EvolutionStrategy {
 public:
  using EvolutionStrategy::EvolutionStrategy;

  Estimate estimate(const at::Tensor& theta, const at::Tensor& eps, Unroll& unroll) override {
    check_shapes(theta, eps, unroll, particles_, size_);
    unroll.copy_positive_to_negative();
    const Window window = unroll.run(antithetic(theta, eps), {options_.window, Restart::next_step});
    const PairDifferences d = pair_differences(window, options_.sign_delta_loss_scalar);
    Estimate estimate = begin(window);
    estimate.finished = d.finished;
    for (int64_t i = 0; i < particles_; ++i) {
      estimate.loss += d.mean_loss[i];
      if (!add_row(estimate.gradient, d.before[i] + d.after[i], eps, i)) ++estimate.dropped;
    }
    finish(estimate);
    return estimate;
  }
};

class EsSingle final : public EvolutionStrategy {
 public:
  EsSingle(const EstimatorOptions& options, int64_t particles, int64_t size)
      : EvolutionStrategy(options, particles, size),
        held_(at::zeros({particles, size}, at::kDouble)),
        ended_(at::ones({particles}, at::kLong)) {}

  // Trajectories begin at window starts only: one that began inside a window would live with two perturbations.
  Estimate estimate(const at::Tensor& theta, const at::Tensor& eps, Unroll& unroll) override {
    check_shapes(theta, eps, unroll, particles_, size_);
    for (int64_t i = 0; i < particles_; ++i)
      if (ended_[i].item<int64_t>() != 0) held_[i].copy_(eps[i]);
    const Window window = unroll.run(antithetic(theta, held_), {options_.window, Restart::window_start});
    const PairDifferences d = pair_differences(window, options_.sign_delta_loss_scalar);
    Estimate estimate = begin(window);
    estimate.finished = d.finished;
    for (int64_t i = 0; i < particles_; ++i) {
      estimate.loss += d.mean_loss[i];
      if (!add_row(estimate.gradient, d.before[i] + d.after[i], held_, i)) ++estimate.dropped;
      ended_[i].fill_(d.ended[i] ? 1 : 0);
    }
    finish(estimate);
    return estimate;
  }

  NamedTensors state() const override {
    NamedTensors state;
    state.add("held", held_.clone());
    state.add("ended", ended_.clone());
    return state;
  }
  void load_state(const NamedTensors& state) override {
    load_tensor(held_, state, "held");
    load_tensor(ended_, state, "ended");
  }

 private:
  at::Tensor held_;   ///< [N, D]
  at::Tensor ended_;  ///< [N]: the next window begins a trajectory
};

class FullEs final : public EvolutionStrategy {
 public:
  using EvolutionStrategy::EvolutionStrategy;

  Estimate estimate(const at::Tensor& theta, const at::Tensor& eps, Unroll& unroll) override {
    check_shapes(theta, eps, unroll, particles_, size_);
    const int64_t q = options_.window;
    const int64_t steps = std::max(q, unroll.restart() / q * q);
    const Window window = unroll.run(antithetic(theta, eps), {steps, Restart::never});
    const std::vector<double> losses = trajectory_losses(window, unroll);
    Estimate estimate = begin(window);
    estimate.finished = particles_;
    for (int64_t i = 0; i < particles_; ++i) {
      const double positive = losses[i], negative = losses[particles_ + i];
      estimate.loss += 0.5 * (positive + negative);
      double d = positive - negative;
      if (!std::isfinite(d)) {
        ++estimate.dropped;
        continue;
      }
      if (options_.clip_loss_diff) d = std::clamp(d, -*options_.clip_loss_diff, *options_.clip_loss_diff);
      if (options_.sign_delta_loss_scalar) d = *options_.sign_delta_loss_scalar * (d > 0 ? 1 : d < 0 ? -1 : 0);
      add_row(estimate.gradient, d, eps, i);
    }
    finish(estimate);
    return estimate;
  }

 private:
  std::vector<double> trajectory_losses(const Window& window, Unroll& unroll) const {
    const int64_t steps = window.loss.size(0), members = window.loss.size(1);
    const at::Tensor losses = window.loss.to(at::kDouble);
    const auto loss = losses.accessor<double, 2>();
    std::vector<double> result(members);
    if (options_.trajectory_loss == TrajectoryLoss::last_recompute) {
      const at::Tensor final = unroll.final_losses(options_.recompute_batches).to(at::kDouble);
      for (int64_t m = 0; m < members; ++m) result[m] = final[m].item<double>();
      return result;
    }
    for (int64_t m = 0; m < members; ++m) {
      if (options_.trajectory_loss == TrajectoryLoss::last) {
        result[m] = loss[steps - 1][m];
      } else if (options_.trajectory_loss == TrajectoryLoss::minimum) {
        result[m] = std::numeric_limits<double>::infinity();
        for (int64_t t = 0; t < steps; ++t) result[m] = std::min(result[m], loss[t][m]);
      } else {
        for (int64_t t = 0; t < steps; ++t) result[m] += loss[t][m];
        result[m] /= static_cast<double>(steps);
      }
    }
    return result;
  }
};

}  // namespace

std::unique_ptr<Estimator> make_pes(const EstimatorOptions& options, int64_t particles, int64_t size) {
  return std::make_unique<Pes>(options, particles, size);
}
std::unique_ptr<Estimator> make_truncated_es(const EstimatorOptions& options, int64_t particles, int64_t size) {
  return std::make_unique<TruncatedEs>(options, particles, size);
}
std::unique_ptr<Estimator> make_es_single(const EstimatorOptions& options, int64_t particles, int64_t size) {
  return std::make_unique<EsSingle>(options, particles, size);
}
std::unique_ptr<Estimator> make_full_es(const EstimatorOptions& options, int64_t particles, int64_t size) {
  return std::make_unique<FullEs>(options, particles, size);
}

}  // namespace nfopt
