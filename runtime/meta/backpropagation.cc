#include <nfopt/nflayers/spec/error.h>
#include <nfopt/runtime/meta/backpropagation.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/types.h>

#include <algorithm>

namespace nfopt {
namespace {

class Backpropagation : public Estimator {
 public:
  Backpropagation(const EstimatorOptions& options, int64_t particles, int64_t size)
      : options_(options), particles_(particles), size_(size) {}

  int64_t signs() const final { return 1; }
  NamedTensors state() const final { return {}; }
  void load_state(const NamedTensors&) final {}

 protected:
  /// One row of theta for every particle, so that each has a gradient of its own.
  at::Tensor rows(const at::Tensor& theta, const Unroll& unroll) const {
    if (unroll.signs() != 1 || unroll.particles() != particles_ || theta.sizes() != at::IntArrayRef({size_}))
      throw Error("meta", "backpropagation needs an unroll with one sign and " + std::to_string(particles_) +
                              " particles, and theta [" + std::to_string(size_) + "].");
    return theta.detach().expand({particles_, size_}).contiguous().requires_grad_(true);
  }

  Estimate collect(const at::Tensor& gradients, const std::vector<double>& losses) const {
    Estimate estimate;
    estimate.gradient = at::zeros({size_}, at::kDouble);
    estimate.particles = particles_;
    for (int64_t i = 0; i < particles_; ++i) {
      estimate.loss += losses[i];
      if (gradients[i].isfinite().all().item<bool>())
        estimate.gradient.add_(gradients[i]);
      else
        ++estimate.dropped;
    }
    return estimate;
  }

  EstimatorOptions options_;
  int64_t particles_;
  int64_t size_;
};

/// What steps hand to steps, cut from the graph that made it.
std::vector<at::Tensor> detached(const std::vector<at::Tensor>& tensors, bool leaves) {
  std::vector<at::Tensor> result;
  for (const at::Tensor& tensor : tensors) result.push_back(tensor.detach().clone().requires_grad_(leaves));
  return result;
}

class TruncatedGradient final : public Backpropagation {
 public:
  using Backpropagation::Backpropagation;

  Estimate estimate(const at::Tensor& theta, const at::Tensor&, Unroll& unroll) override {
    const at::AutoGradMode grad(true);
    const at::Tensor leaves = rows(theta, unroll);
    const Window window = unroll.run(leaves, {options_.window, Restart::next_step});
    unroll.set_carried(detached(unroll.carried(), false));

    // A particle that sat out the window has a mean of 0 over nothing.
    const at::Tensor weight = window.mask / window.mask.sum(0).clamp_min(1.0);
    const at::Tensor means = at::where(window.mask > 0, window.loss * weight, at::zeros_like(window.loss)).sum(0);
    at::Tensor gradients = torch::autograd::grad({means.sum()}, {leaves}, {}, std::nullopt, false, true).front();
    if (!gradients.defined()) gradients = at::zeros_like(leaves);

    const at::Tensor values = means.detach().to(at::kDouble).contiguous();
    const double* begin = values.const_data_ptr<double>();
    Estimate estimate = collect(gradients.to(at::kDouble), {begin, begin + particles_});
    estimate.steps = window.steps;
    estimate.diverged = window.diverged;
    estimate.finished = window.done.sum().item<int64_t>();
    return estimate;
  }
};

class FullGradient final : public Backpropagation {
 public:
  using Backpropagation::Backpropagation;

  Estimate estimate(const at::Tensor& theta, const at::Tensor&, Unroll& unroll) override {
    const int64_t q = options_.window;
    const int64_t segments = std::max<int64_t>(1, unroll.restart() / q);
    const at::Tensor leaves = rows(theta, unroll);

    // Forward: remember where segments begin, not what happened inside them.
    std::vector<NamedTensors> starts;
    std::vector<double> losses(particles_, 0.0);
    int64_t steps = 0, diverged = 0;
    for (int64_t s = 0; s < segments; ++s) {
      const at::NoGradGuard no_grad;
      starts.push_back(unroll.state());
      const Window window = unroll.run(leaves, {q, Restart::never});
      const at::Tensor share = (window.loss.to(at::kDouble) * weights(s, segments)).sum(0);
      for (int64_t i = 0; i < particles_; ++i) losses[i] += share[i].item<double>();
      steps += window.steps;
      diverged += window.diverged;
    }
    const NamedTensors end = unroll.state();

    at::Tensor gradients = at::zeros({particles_, size_}, at::kDouble);
    std::vector<at::Tensor> cotangents;  // of what a segment carries to the next
    for (int64_t s = segments - 1; s >= 0; --s) {
      const at::AutoGradMode grad(true);
      unroll.load_state(starts[s]);
      const std::vector<at::Tensor> carried = detached(unroll.carried(), true);
      unroll.set_carried(carried);
      const Window window = unroll.run(leaves, {q, Restart::never});
      at::Tensor objective = (window.loss * weights(s, segments)).sum();
      const std::vector<at::Tensor> after = unroll.carried();
      for (size_t k = 0; k < cotangents.size(); ++k)
        if (cotangents[k].defined() && after[k].requires_grad())
          objective = objective + (after[k] * cotangents[k]).sum();

      std::vector<at::Tensor> inputs = {leaves};
      inputs.insert(inputs.end(), carried.begin(), carried.end());
      const auto parts = torch::autograd::grad({objective}, inputs, {}, std::nullopt, false, true);
      if (parts.front().defined()) gradients.add_(parts.front());
      cotangents.assign(parts.begin() + 1, parts.end());
    }
    unroll.load_state(end);

    Estimate estimate = collect(gradients, losses);
    estimate.steps = steps;
    estimate.diverged = diverged;
    estimate.finished = particles_;
    return estimate;
  }

 private:
  /// Weight of each step of segment s in the trajectory's loss, [q, 1].
  at::Tensor weights(int64_t segment, int64_t segments) const {
    const int64_t q = options_.window;
    if (options_.trajectory_loss == TrajectoryLoss::average)
      return at::full({q, 1}, 1.0 / static_cast<double>(q * segments), at::kDouble);
    at::Tensor last = at::zeros({q, 1}, at::kDouble);
    if (segment + 1 == segments) last[q - 1].fill_(1.0);
    return last;
  }
};

}  // namespace

std::unique_ptr<Estimator> make_truncated_gradient(const EstimatorOptions& options, int64_t particles, int64_t size) {
  return std::make_unique<TruncatedGradient>(options, particles, size);
}
std::unique_ptr<Estimator> make_full_gradient(const EstimatorOptions& options, int64_t particles, int64_t size) {
  return std::make_unique<FullGradient>(options, particles, size);
}

}  // namespace nfopt
