// Meta-gradient estimators on a tiny inner problem with given data and perturbations, and the outer optimizer.

#include <gtest/gtest.h>
#include <nfopt/nflayers/spec/error.h>
#include <nfopt/runtime/meta/estimator.h>
#include <nfopt/runtime/meta/outer_adam.h>
#include <torch/torch.h>

#include "tests/golden/golden_case.h"
#include "tests/runtime/meta/quadratic_unroll.h"

namespace nfopt::golden {
namespace {

constexpr double kTolerance = 1e-12;

using testing::QuadraticProblem;
using testing::QuadraticUnroll;

std::optional<double> optional_number(const GoldenCase& golden, const char* name) {
  const auto& options = golden.info.at("options");
  if (!options.contains(name) || options.at(name).is_null()) return std::nullopt;
  return options.at(name).get<double>();
}

QuadraticProblem problem_of(const GoldenCase& golden) {
  QuadraticProblem problem;
  problem.a = golden.tensor("problem.a");
  problem.b = golden.tensor("problem.b");
  problem.x0 = golden.tensor("problem.x0");
  problem.data = golden.tensor("data");
  problem.start.assign(problem.a.size(0), 0);
  return problem;
}

EstimatorOptions options_of(const GoldenCase& golden, const char* method) {
  EstimatorOptions options;
  options.method = method;
  options.sigma = golden.option("sigma", 0.0);
  options.sign_delta_loss_scalar = optional_number(golden, "sign_delta_loss_scalar");
  options.clip_loss_diff = optional_number(golden, "clip_loss_diff");
  return options;
}

/// An unroll that keeps what its last run returned.
class Recorded final : public Unroll {
 public:
  explicit Recorded(Unroll& inner) : inner_(inner) {}
  int64_t particles() const override { return inner_.particles(); }
  int64_t signs() const override { return inner_.signs(); }
  Window run(const at::Tensor& theta, const UnrollPlan& plan) override { return window = inner_.run(theta, plan); }
  int64_t restart() override { return inner_.restart(); }
  at::Tensor final_losses(int64_t batches) override { return inner_.final_losses(batches); }
  void copy_positive_to_negative() override { inner_.copy_positive_to_negative(); }
  std::vector<at::Tensor> carried() const override { return inner_.carried(); }
  void set_carried(const std::vector<at::Tensor>& tensors) override { inner_.set_carried(tensors); }
  NamedTensors state() const override { return inner_.state(); }
  void load_state(const NamedTensors& state) override { inner_.load_state(state); }

  Window window;

 private:
  Unroll& inner_;
};

void expect_mean(const GoldenCase& golden, const Estimate& estimate, int64_t w) {
  const MetaGradient mean = mean_of({estimate});
  expect_close(mean.gradient, golden.tensor("grad")[w], kTolerance, "grad");
  expect_close(at::tensor({mean.loss}, at::kDouble), golden.tensor("mean_loss").narrow(0, w, 1), kTolerance,
               "mean_loss");
}

void check_windows(const GoldenCase& golden, const char* method) {
  QuadraticProblem problem = problem_of(golden);
  problem.lengths = golden.info.at("options").at("lengths").get<std::vector<int64_t>>();
  problem.start = golden.info.at("options").at("start_step").get<std::vector<int64_t>>();
  const int64_t n = golden.option("n_particles", int64_t{0}), k = golden.option("window", int64_t{0});
  EstimatorOptions options = options_of(golden, method);
  options.window = k;
  const bool persistent = golden.has("acc_before");

  QuadraticUnroll quadratic(problem, 2);
  Recorded unroll(quadratic);
  const auto estimator = make_estimator(options, n, 3);
  for (int64_t w = 0; w < golden.option("windows", int64_t{0}); ++w) {
    SCOPED_TRACE("window " + std::to_string(w));
    if (persistent)
      expect_close(estimator->state().at("accumulator"), golden.tensor("acc_before")[w], kTolerance, "acc_before");
    expect_mean(golden, estimator->estimate(golden.tensor("theta")[w], golden.tensor("eps")[w], unroll), w);
    const Window& window = unroll.window;
    expect_close(window.loss.narrow(1, 0, n), golden.tensor("loss_pos")[w], kTolerance, "loss_pos");
    expect_close(window.loss.narrow(1, n, n), golden.tensor("loss_neg")[w], kTolerance, "loss_neg");
    for (const char* sign : {"pos", "neg"}) {
      expect_close(window.done.to(at::kDouble), golden.tensor(std::string("is_done_") + sign)[w].to(at::kDouble), 0,
                   "is_done");
      expect_close(window.mask, golden.tensor(std::string("mask_") + sign)[w].to(at::kDouble), 0, "mask");
    }
    EXPECT_TRUE(at::equal(quadratic.counters(), golden.tensor("k")[w]));
    if (!persistent) {
      expect_close(quadratic.x(0), golden.tensor("x")[w], kTolerance, "x");
      continue;
    }
    expect_close(quadratic.x(0), golden.tensor("x_pos")[w], kTolerance, "x_pos");
    expect_close(quadratic.x(1), golden.tensor("x_neg")[w], kTolerance, "x_neg");
    expect_close(estimator->state().at("accumulator"), golden.tensor("acc_after")[w], kTolerance, "acc_after");
  }
}

void check_full_es(const GoldenCase& golden) {
  EstimatorOptions options = options_of(golden, "full_es");
  options.window = golden.option("steps_per_jit", int64_t{0});
  const auto loss_type = golden.option<std::string>("loss_type", "");
  options.trajectory_loss = trajectory_loss(loss_type == "avg"   ? "average"
                                            : loss_type == "min" ? "minimum"
                                                                 : loss_type);
  if (const auto samples = optional_number(golden, "recompute_samples"))
    options.recompute_batches = static_cast<int64_t>(*samples);
  const int64_t n = golden.option("n_particles", int64_t{0});
  const auto lengths = golden.info.at("options").at("lengths").get<std::vector<int64_t>>();
  int64_t place = 0;
  for (size_t w = 0; w < lengths.size(); ++w) {
    SCOPED_TRACE("call " + std::to_string(w));
    QuadraticProblem problem = problem_of(golden);
    const std::string run = "run" + std::to_string(w) + ".";
    const int64_t steps = golden.tensor(run + "loss_pos").size(0);
    problem.data = problem.data.narrow(0, place, steps);
    place += steps;
    problem.lengths.assign(n, lengths[w]);
    if (golden.has("outer_data")) problem.outer_data = golden.tensor("outer_data");
    QuadraticUnroll quadratic(problem, 2);
    Recorded unroll(quadratic);
    const auto index = static_cast<int64_t>(w);
    const auto estimator = make_estimator(options, n, 3);
    expect_mean(golden, estimator->estimate(golden.tensor("theta")[index], golden.tensor("eps")[index], unroll), index);
    expect_close(unroll.window.loss.narrow(1, 0, n), golden.tensor(run + "loss_pos"), kTolerance, "loss_pos");
    expect_close(unroll.window.loss.narrow(1, n, n), golden.tensor(run + "loss_neg"), kTolerance, "loss_neg");
  }
}

void check_outer_adam(const GoldenCase& golden) {
  OuterAdamOptions options;
  options.lr = golden.option("lr", 0.0);
  options.clip_norm = golden.option("clip_norm", 0.0);
  options.beta1 = golden.option("beta1", 0.0);
  options.beta2 = golden.option("beta2", 0.0);
  options.eps = golden.option("eps", 0.0);
  options.eps_root = golden.option("eps_root", 0.0);
  const auto joined = [&](const char* kind, int64_t step) {
    const at::Tensor& a = golden.tensor(std::string(kind) + ".a");
    const at::Tensor& b = golden.tensor(std::string(kind) + ".b");
    return at::cat({(step < 0 ? a : a[step]).reshape({-1}), (step < 0 ? b : b[step]).reshape({-1})});
  };
  at::Tensor theta = joined("p0", -1);
  OuterAdam adam(options, theta.numel());
  for (int64_t step = 0; step < golden.option("steps", int64_t{0}); ++step) {
    adam.step(theta, joined("g", step));
    expect_close(theta, joined("p", step), kTolerance, "step " + std::to_string(step));
  }
}

const bool registered =
    register_golden_kind("unf-golden-1", "estimator_pes", [](const GoldenCase& g) { check_windows(g, "pes"); }) &&
    register_golden_kind("unf-golden-1", "estimator_es",
                         [](const GoldenCase& g) { check_windows(g, "truncated_es"); }) &&
    register_golden_kind("unf-golden-1", "estimator_full_es", check_full_es) &&
    register_golden_kind("unf-golden-1", "outer_adam_clip", check_outer_adam);

}  // namespace
}  // namespace nfopt::golden
