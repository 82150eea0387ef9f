#include <gtest/gtest.h>
#include <nfopt/nflayers/random/tensor_random.h>
#include <nfopt/nflayers/spec/error.h>
#include <nfopt/runtime/meta/estimator.h>
#include <nfopt/runtime/meta/outer_adam.h>
#include <nfopt/runtime/meta/theta_layout.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/types.h>

#include <cmath>
#include <functional>
#include <limits>

#include "tests/runtime/meta/quadratic_unroll.h"

namespace nfopt {
namespace {

using testing::QuadraticProblem;
using testing::QuadraticUnroll;

constexpr int64_t kWindow = 5, kWindows = 4, kSteps = kWindow * kWindows;
constexpr double kSigma = 0.3;

/// The same quadratic for all particles, without ends, so that only the estimators differ.
QuadraticProblem endless(int64_t particles) {
  QuadraticProblem problem;
  const auto same = [&](double first, double second) {
    return at::tensor({first, second}, at::kDouble).expand({particles, 2}).contiguous();
  };
  problem.a = same(1.0, 0.3);
  problem.b = same(0.5, -0.7);
  problem.x0 = same(2.0, 1.0);
  problem.data = at::zeros({kSteps, particles, 2}, at::kDouble);
  problem.lengths.assign(particles, 1000);
  problem.start.assign(particles, 0);
  return problem;
}

at::Tensor theta() { return at::tensor({-2.5, -2.0, 1.0}, at::kDouble); }

/// Nodes and weights of E f(z), z standard normal: eigenvectors of the Jacobi matrix of Hermite's polynomials.
std::pair<at::Tensor, at::Tensor> gauss_hermite(int64_t n) {
  at::Tensor jacobi = at::zeros({n, n}, at::kDouble);
  for (int64_t k = 1; k < n; ++k) {
    jacobi[k][k - 1].fill_(std::sqrt(static_cast<double>(k)));
    jacobi[k - 1][k].fill_(std::sqrt(static_cast<double>(k)));
  }
  const auto [values, vectors] = at::linalg_eigh(jacobi);
  return {values, vectors[0].square()};
}

/// d/d(theta_0) of E L(theta + eps_1, .., theta + eps_W) with noise on theta_0 only, by quadrature: independent noise in
/// each window (what PES differentiates) or one for all (ES-Single).
double smoothed_gradient(bool one_noise) {
  const auto [nodes, weights] = gauss_hermite(7);
  const int64_t axes = one_noise ? 1 : kWindows;
  int64_t points = 1;
  for (int64_t axis = 0; axis < axes; ++axis) points *= 7;
  at::Tensor noise = at::zeros({kWindows, points}, at::kDouble), weight = at::ones({points}, at::kDouble);
  for (int64_t p = 0; p < points; ++p) {
    int64_t digits = p;
    for (int64_t axis = 0; axis < axes; ++axis, digits /= 7) {
      weight[p] *= weights[digits % 7];
      if (one_noise)
        noise.select(1, p).fill_(nodes[digits % 7]);
      else
        noise[axis][p].copy_(nodes[digits % 7]);
    }
  }
  QuadraticUnroll unroll(endless(points), 1);
  at::Tensor loss = at::zeros({points}, at::kDouble);
  for (int64_t w = 0; w < kWindows; ++w) {
    at::Tensor rows = theta().expand({points, 3}).clone();
    rows.select(1, 0).add_(noise[w], kSigma);
    loss += unroll.run(rows, {kWindow, Restart::never}).loss.mean(0) / static_cast<double>(kWindows);
  }
  const at::Tensor score = (one_noise ? noise[0] : noise.sum(0)) / kSigma;
  return (weight * loss * score).sum().item<double>();
}

struct Sampled {
  double mean = 0;
  double error = 0;  ///< standard error
};

/// The estimator's mean over many independent trajectories from their start, summed over the windows of each.
Sampled sample(const char* method) {
  constexpr int64_t kBatches = 40, kParticles = 400;
  EstimatorOptions options;
  options.method = method;
  options.window = kWindow;
  options.sigma = kSigma;
  std::vector<double> means;
  for (int64_t batch = 0; batch < kBatches; ++batch) {
    QuadraticUnroll unroll(endless(kParticles), 2);
    const auto estimator = make_estimator(options, kParticles, 3);
    double gradient = 0;
    for (int64_t w = 0; w < kWindows; ++w) {
      at::Tensor eps = perturbations(Rng(17), w, batch * kParticles, kParticles, 3, kSigma);
      eps.narrow(1, 1, 2).zero_();  // the quadrature is over theta_0
      const Estimate estimate = estimator->estimate(theta(), eps, unroll);
      gradient += mean_of({estimate}).gradient[0].item<double>() / static_cast<double>(kWindows);
    }
    means.push_back(gradient);
  }
  Sampled result;
  for (const double mean : means) result.mean += mean / kBatches;
  for (const double mean : means) result.error += (mean - result.mean) * (mean - result.mean);
  result.error = std::sqrt(result.error / (kBatches - 1) / kBatches);
  return result;
}

TEST(Pes, AgreesWithTheGradientOfTheSmoothedMetaLossWhereTruncatedEsDoesNot) {
  const double exact = smoothed_gradient(false);
  const Sampled pes = sample("pes"), truncated = sample("truncated_es");
  EXPECT_LT(std::abs(pes.mean - exact), 4 * pes.error) << pes.mean << " +- " << pes.error << ", exact " << exact;
  EXPECT_LT(pes.error, 0.1 * std::abs(exact)) << "too noisy to say anything";
  EXPECT_GT(std::abs(truncated.mean - exact), 4 * truncated.error)
      << truncated.mean << " +- " << truncated.error << ", exact " << exact;
}

TEST(EsSingle, AgreesWithTheGradientOfTheLossSmoothedByOneNoisePerTrajectory) {
  const double exact = smoothed_gradient(true);
  const Sampled single = sample("es_single");
  EXPECT_LT(std::abs(single.mean - exact), 4 * single.error) << single.mean << " +- " << single.error << ", " << exact;
  EXPECT_LT(single.error, 0.1 * std::abs(exact));
}

TEST(EsSingle, KeepsItsPerturbationUntilTheTrajectoryEnds) {
  QuadraticProblem problem = endless(2);
  problem.lengths = {7, 1000};
  QuadraticUnroll unroll(problem, 2);
  EstimatorOptions options;
  options.method = "es_single";
  options.window = kWindow;
  const auto estimator = make_estimator(options, 2, 3);
  at::Tensor expected;
  for (int64_t w = 0; w < 3; ++w) {
    const at::Tensor eps = perturbations(Rng(1), w, 0, 2, 3, 0.1);
    if (w == 0) expected = eps.clone();
    if (w == 2) expected[0].copy_(eps[0]);  // the first one ended in window 1
    estimator->estimate(theta(), eps, unroll);
    EXPECT_TRUE(at::equal(estimator->state().at("held"), expected)) << "window " << w;
  }
}

TEST(Estimators, ContinueWithTheSameBitsFromSavedState) {
  for (const char* method : {"pes", "es_single", "truncated_es"}) {
    SCOPED_TRACE(method);
    EstimatorOptions options;
    options.method = method;
    options.window = kWindow;
    QuadraticProblem problem = endless(3);
    problem.lengths = {3, 8, 100};
    QuadraticUnroll first(problem, 2), second(problem, 2);
    const auto a = make_estimator(options, 3, 3), b = make_estimator(options, 3, 3);
    const auto eps = [](int64_t w) { return perturbations(Rng(2), w, 0, 3, 3, 0.1); };
    a->estimate(theta(), eps(0), first);
    b->load_state(a->state());
    second.load_state(first.state());
    for (int64_t w = 1; w < 4; ++w)
      EXPECT_TRUE(
          at::equal(a->estimate(theta(), eps(w), first).gradient, b->estimate(theta(), eps(w), second).gradient));
  }
}

TEST(Estimators, LeaveOutAParticleThatIsNotFiniteAndCountIt) {
  for (const char* method : {"pes", "truncated_es", "full_es"}) {
    SCOPED_TRACE(method);
    EstimatorOptions options;
    options.method = method;
    options.window = kSteps;
    QuadraticProblem good = endless(2);
    good.lengths = {kSteps, kSteps};
    QuadraticProblem bad = good;
    bad.x0 = good.x0.clone();
    bad.x0[1].fill_(std::numeric_limits<double>::quiet_NaN());
    const at::Tensor eps = perturbations(Rng(3), 0, 0, 2, 3, 0.1);
    const auto run = [&](const QuadraticProblem& problem, const at::Tensor& noise) {
      QuadraticUnroll unroll(problem, 2);
      return make_estimator(options, 2, 3)->estimate(theta(), noise, unroll);
    };
    at::Tensor only_first = eps.clone();
    only_first[1].zero_();  // no difference, no contribution
    const Estimate estimate = run(bad, eps);
    EXPECT_EQ(estimate.dropped, 1);
    EXPECT_TRUE(at::equal(estimate.gradient, run(good, only_first).gradient));
  }
}

TEST(Estimators, BackpropagationOverAWholeTrajectoryIsTheGradientOfItsLoss) {
  for (const char* loss : {"average", "last"}) {
    SCOPED_TRACE(loss);
    QuadraticProblem problem = endless(2);
    problem.lengths = {kSteps, kSteps};
    EstimatorOptions options;
    options.method = "full_gradient";
    options.window = kWindow;
    options.trajectory_loss = trajectory_loss(loss);
    QuadraticUnroll unroll(problem, 1);
    // The data are constant in time, but read in order: forward and recomputation need as many rows each.
    const at::Tensor gradient = mean_of({make_estimator(options, 2, 3)->estimate(theta(), {}, unroll)}).gradient;

    at::Tensor leaf = theta().requires_grad_(true);
    QuadraticUnroll whole(problem, 1);
    const Window window = whole.run(leaf.expand({2, 3}), {kSteps, Restart::never});
    const at::Tensor value = std::string(loss) == "last" ? window.loss[kSteps - 1].mean() : window.loss.mean();
    const at::Tensor expected = torch::autograd::grad({value}, {leaf}).front();
    EXPECT_TRUE(at::allclose(gradient, expected, 1e-12, 1e-14)) << gradient << expected;
  }
}

TEST(Estimators, ArePackedWithoutLoss) {
  Estimate estimate;
  estimate.gradient = at::tensor({1.5, -2.0}, at::kDouble);
  estimate.loss = 0.25;
  estimate.particles = 3;
  estimate.steps = 300;
  estimate.finished = 2;
  estimate.diverged = 1;
  estimate.dropped = 4;
  const Estimate back = Estimate::unpacked(estimate.packed());
  EXPECT_TRUE(at::equal(back.gradient, estimate.gradient));
  EXPECT_EQ(back.loss, 0.25);
  EXPECT_EQ((std::vector<int64_t>{back.particles, back.steps, back.finished, back.diverged, back.dropped}),
            (std::vector<int64_t>{3, 300, 2, 1, 4}));
}

std::string message_of(const std::function<void()>& run) {
  try {
    run();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(Estimators, RefuseOptionsThatContradictThemselvesAllAtOnce) {
  EstimatorOptions options;
  options.sigma = 0;
  options.window = 0;
  options.clip_loss_diff = 0.1;
  const std::string text = message_of([&] { make_estimator(options, 1, 1); });
  for (const char* part : {"sigma is positive", "window is at least 1", "clip_loss_diff belongs to full_es"})
    EXPECT_NE(text.find(part), std::string::npos) << text;
  options.method = "pse";
  const std::string miss = message_of([&] { make_estimator(options, 1, 1); });
  EXPECT_NE(miss.find("truncated_es"), std::string::npos) << miss;
}

TEST(OuterAdam, WarmsUpAndDecaysAlongACosine) {
  OuterAdamOptions options;
  options.lr = 0.1;
  options.warmup_steps = 10;
  options.cosine_steps = 110;
  options.final_factor = 0.1;
  EXPECT_DOUBLE_EQ(outer_learning_rate(options, 0), 0.01);
  EXPECT_DOUBLE_EQ(outer_learning_rate(options, 9), 0.1);
  EXPECT_DOUBLE_EQ(outer_learning_rate(options, 10), 0.1);
  EXPECT_DOUBLE_EQ(outer_learning_rate(options, 60), 0.055);
  EXPECT_NEAR(outer_learning_rate(options, 110), 0.01, 1e-15);
  EXPECT_NEAR(outer_learning_rate(options, 1000), 0.01, 1e-15);
}

TEST(OuterAdam, ContinuesFromSavedStateAndReadsWhatIsNotFiniteAsZero) {
  OuterAdam a({}, 2), b({}, 2);
  at::Tensor x = at::ones({2}, at::kDouble), y = x.clone();
  const at::Tensor g = at::tensor({0.5, std::numeric_limits<double>::quiet_NaN()}, at::kDouble);
  EXPECT_EQ(a.step(x, g).non_finite, 1);
  EXPECT_NE(x[0].item<double>(), 1.0);
  EXPECT_EQ(x[1].item<double>(), 1.0);
  b.load_state(a.state());
  y.copy_(x);
  a.step(x, g);
  b.step(y, g);
  EXPECT_TRUE(at::equal(x, y));
  EXPECT_THROW(OuterAdam({}, 3).load_state(a.state()), Error);
}

}  // namespace
}  // namespace nfopt
