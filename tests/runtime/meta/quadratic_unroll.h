#pragma once

#include <nfopt/nflayers/random/rng.h>
#include <nfopt/runtime/meta/unroll.h>
#include <torch/types.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

namespace nfopt::testing {

/// What a QuadraticUnroll trains: weights x in R^2 of each particle, meta-parameters in R^3.
struct QuadraticProblem {
  at::Tensor a, b, x0;           ///< [N, 2]
  at::Tensor data;               ///< [steps, N, 2], consumed in order; the same for both signs
  at::Tensor outer_data = {};    ///< [r, N, 2], for the final loss
  std::vector<int64_t> lengths;  ///< [N]
  std::vector<int64_t> start;    ///< [N], counters of the first trajectories
};

/// A tiny inner problem whose numbers are known:
///
///   loss = 1/2 sum_j a_j (x_j - b_j - d_tj)^2     g = its gradient     s = 1/(1+exp(-theta_2))
///   m <- s m + (1-s) g       x <- x - exp(theta_0) g - exp(theta_1) m       k <- k + 1
///
/// Start: x = x0, m = 0. A trajectory ends after the step with which k reaches its length.
class QuadraticUnroll final : public Unroll {
 public:
  QuadraticUnroll(QuadraticProblem problem, int64_t signs) : problem_(std::move(problem)), signs_(signs) {
    k_ = problem_.start;
    ended_.assign(k_.size(), false);
    x_ = both(problem_.x0);
    m_ = at::zeros_like(x_);
  }

  int64_t particles() const override { return problem_.x0.size(0); }
  int64_t signs() const override { return signs_; }

  Window run(const at::Tensor& theta, const UnrollPlan& plan) override {
    const int64_t n = particles();
    Window window;
    window.done = at::zeros({plan.steps, n}, at::kBool);
    window.mask = at::zeros({plan.steps, n}, at::kDouble);
    std::vector<at::Tensor> losses;
    for (int64_t t = 0; t < plan.steps; ++t) {
      at::Tensor trains = at::ones({n, 1}, at::kBool), restarts = at::zeros({n, 1}, at::kBool);
      for (int64_t i = 0; i < n && plan.restart != Restart::never; ++i) {
        if (!ended_[i]) continue;
        trains[i].fill_(false);
        if (plan.restart == Restart::next_step || t == 0) restarts[i].fill_(true);
      }
      const at::Tensor all = both(trains), fresh = both(restarts);
      const at::Tensor a = both(problem_.a), error = x_ - both(problem_.b) - both(problem_.data[place_++]);
      losses.push_back(
          at::where(all.squeeze(1), 0.5 * (a * error * error).sum(1), at::zeros({signs_ * n}, at::kDouble)));
      const at::Tensor g = a * error, s = at::sigmoid(theta.narrow(1, 2, 1));
      const at::Tensor m = s * m_ + (1 - s) * g;
      const at::Tensor x = x_ - theta.narrow(1, 0, 1).exp() * g - theta.narrow(1, 1, 1).exp() * m;
      m_ = at::where(fresh, at::zeros_like(m_), at::where(all, m, m_));
      x_ = at::where(fresh, both(problem_.x0), at::where(all, x, x_));
      for (int64_t i = 0; i < n; ++i) {
        if (restarts[i].item<bool>()) {
          k_[i] = 0;
          ended_[i] = false;
        } else if (trains[i].item<bool>()) {
          window.mask[t][i].fill_(1.0);
          window.steps += signs_;
          ended_[i] = ++k_[i] >= problem_.lengths[i] && plan.restart != Restart::never;
          window.done[t][i].fill_(static_cast<bool>(ended_[i]));
        }
      }
    }
    window.loss = at::stack(losses);
    return window;
  }

  int64_t restart() override {
    x_ = both(problem_.x0);
    m_ = at::zeros_like(x_);
    k_.assign(particles(), 0);
    ended_.assign(particles(), false);
    int64_t longest = 0;
    for (const int64_t length : problem_.lengths) longest = std::max(longest, length);
    return longest;
  }

  at::Tensor final_losses(int64_t batches) override {
    at::Tensor sum = at::zeros({signs_ * particles()}, at::kDouble);
    for (int64_t r = 0; r < batches; ++r) {
      const at::Tensor error = x_ - both(problem_.b) - both(problem_.outer_data[r]);
      sum += 0.5 * (both(problem_.a) * error * error).sum(1);
    }
    return sum / static_cast<double>(batches);
  }

  void copy_positive_to_negative() override {
    x_ = both(x_.narrow(0, 0, particles()));
    m_ = both(m_.narrow(0, 0, particles()));
  }

  std::vector<at::Tensor> carried() const override { return {x_, m_}; }
  void set_carried(const std::vector<at::Tensor>& tensors) override {
    x_ = tensors[0];
    m_ = tensors[1];
  }

  NamedTensors state() const override {
    NamedTensors state;
    state.add("x", x_.detach().clone());
    state.add("m", m_.detach().clone());
    at::Tensor counters = at::zeros({particles() + 1, 2}, at::kLong);
    for (int64_t i = 0; i < particles(); ++i) {
      counters[i][0].fill_(k_[i]);
      counters[i][1].fill_(ended_[i] ? 1 : 0);
    }
    counters[particles()][0].fill_(place_);
    state.add("counters", counters);
    return state;
  }
  void load_state(const NamedTensors& state) override {
    x_ = state.at("x").clone();
    m_ = state.at("m").clone();
    for (int64_t i = 0; i < particles(); ++i) {
      k_[i] = state.at("counters")[i][0].item<int64_t>();
      ended_[i] = state.at("counters")[i][1].item<int64_t>() != 0;
    }
    place_ = state.at("counters")[particles()][0].item<int64_t>();
  }

  /// Weights of one sign [N, 2], counters [N]: for comparison.
  at::Tensor x(int64_t sign) const { return x_.narrow(0, sign * particles(), particles()); }
  at::Tensor counters() const { return at::tensor(k_, at::kLong); }
  void rewind_data() { place_ = 0; }

 private:
  at::Tensor both(const at::Tensor& one) const { return signs_ == 1 ? one : at::cat({one, one}); }

  QuadraticProblem problem_;
  int64_t signs_;
  at::Tensor x_, m_;  ///< [S*N, 2]
  std::vector<int64_t> k_;
  std::vector<bool> ended_;
  int64_t place_ = 0;  ///< in the data
};

}  // namespace nfopt::testing
