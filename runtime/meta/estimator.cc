#include <nfopt/nflayers/spec/error.h>
#include <nfopt/nflayers/spec/near_names.h>
#include <nfopt/runtime/meta/backpropagation.h>
#include <nfopt/runtime/meta/estimator.h>
#include <nfopt/runtime/meta/evolution_strategies.h>
#include <torch/types.h>

#include <cmath>

namespace nfopt {
namespace {

using Make = std::unique_ptr<Estimator> (*)(const EstimatorOptions&, int64_t, int64_t);

const std::pair<const char*, Make> kMethods[] = {
    {"pes", make_pes},
    {"truncated_es", make_truncated_es},
    {"es_single", make_es_single},
    {"full_es", make_full_es},
    {"truncated_gradient", make_truncated_gradient},
    {"full_gradient", make_full_gradient},
};

const std::pair<const char*, TrajectoryLoss> kTrajectoryLosses[] = {
    {"average", TrajectoryLoss::average},
    {"minimum", TrajectoryLoss::minimum},
    {"last", TrajectoryLoss::last},
    {"last_recompute", TrajectoryLoss::last_recompute},
};

void check(const EstimatorOptions& o) {
  std::string problems;
  const auto require = [&](bool good, const std::string& what) {
    if (!good) problems += "\n  " + what;
  };
  require(o.window >= 1, "window is at least 1, received " + std::to_string(o.window) + ".");
  require(o.sigma > 0 && std::isfinite(o.sigma), "sigma is positive, received " + std::to_string(o.sigma) + ".");
  require(!o.clip_loss_diff || *o.clip_loss_diff > 0, "clip_loss_diff is positive.");
  require(!o.sign_delta_loss_scalar || *o.sign_delta_loss_scalar > 0, "sign_delta_loss_scalar is positive.");
  require(o.recompute_batches >= 1, "recompute_batches is at least 1.");
  require(!o.clip_loss_diff || o.method == "full_es", "clip_loss_diff belongs to full_es, not to " + o.method + ".");
  const bool gradient = o.method == "truncated_gradient" || o.method == "full_gradient";
  require(!o.sign_delta_loss_scalar || !gradient, o.method + " has no differences: no sign_delta_loss_scalar.");
  const bool differentiable = o.trajectory_loss == TrajectoryLoss::average || o.trajectory_loss == TrajectoryLoss::last;
  require(o.method != "full_gradient" || differentiable, "full_gradient takes trajectory_loss average or last.");
  if (!problems.empty()) throw Error("meta", "The estimator cannot be built:" + problems);
}

}  // namespace

Estimator::~Estimator() = default;

at::Tensor Estimate::packed() const {
  at::Tensor packed = at::empty({gradient.numel() + 6}, at::kDouble);
  packed.narrow(0, 0, gradient.numel()).copy_(gradient);
  double* rest = packed.data_ptr<double>() + gradient.numel();
  rest[0] = loss;
  int i = 1;
  for (const int64_t count : {particles, steps, finished, diverged, dropped}) rest[i++] = static_cast<double>(count);
  return packed;
}

Estimate Estimate::unpacked(const at::Tensor& packed) {
  if (packed.dim() != 1 || packed.numel() < 6 || packed.scalar_type() != at::kDouble)
    throw Error("meta", "a packed estimate is one float64 vector of at least 6 entries.");
  const at::Tensor whole = packed.contiguous();
  const int64_t size = whole.numel() - 6;
  const double* rest = whole.const_data_ptr<double>() + size;
  Estimate estimate;
  estimate.gradient = whole.narrow(0, 0, size).clone();
  estimate.loss = rest[0];
  int i = 1;
  for (int64_t* count :
       {&estimate.particles, &estimate.steps, &estimate.finished, &estimate.diverged, &estimate.dropped})
    *count = std::llround(rest[i++]);
  return estimate;
}

MetaGradient mean_of(const std::vector<Estimate>& parts) {
  if (parts.empty()) throw Error("meta", "no estimates to average.");
  MetaGradient mean;
  mean.gradient = at::zeros_like(parts.front().gradient);
  int64_t particles = 0;
  for (const Estimate& part : parts) {
    mean.gradient.add_(part.gradient);
    mean.loss += part.loss;
    particles += part.particles;
    mean.steps += part.steps;
    mean.finished += part.finished;
    mean.diverged += part.diverged;
    mean.dropped += part.dropped;
  }
  mean.gradient.div_(static_cast<double>(particles));
  mean.loss /= static_cast<double>(particles);
  return mean;
}

std::vector<std::string> estimator_names() {
  std::vector<std::string> names;
  for (const auto& [name, make] : kMethods) names.push_back(name);
  return names;
}

std::vector<std::string> trajectory_loss_names() {
  std::vector<std::string> names;
  for (const auto& [name, loss] : kTrajectoryLosses) names.push_back(name);
  return names;
}

TrajectoryLoss trajectory_loss(const std::string& name) {
  for (const auto& [known, loss] : kTrajectoryLosses)
    if (name == known) return loss;
  throw Error("meta", "no trajectory loss '" + name + "'." + known_names(name, trajectory_loss_names()));
}

std::unique_ptr<Estimator> make_estimator(const EstimatorOptions& options, int64_t particles, int64_t size) {
  for (const auto& [name, make] : kMethods) {
    if (options.method != name) continue;
    check(options);
    return make(options, particles, size);
  }
  throw Error("meta", "no estimator '" + options.method + "'." + known_names(options.method, estimator_names()));
}

}  // namespace nfopt
