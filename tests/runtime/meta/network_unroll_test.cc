#include <gtest/gtest.h>
#include <nfopt/nflayers/random/tensor_random.h>
#include <nfopt/nflayers/spec/error.h>
#include <nfopt/runtime/meta/estimator.h>
#include <nfopt/runtime/meta/network_unroll.h>
#include <torch/types.h>

#include <cmath>

#include "tests/runtime/meta/small_family.h"

namespace nfopt {
namespace {

using testing::family;
using testing::initial_theta;
using testing::many_tasks;
using testing::one_task;
using testing::rules;

NetworkUnroll make_unroll(const std::shared_ptr<const TaskFamily>& tasks, const RuleFactory& factory,
                          const NetworkUnrollOptions& options) {
  return NetworkUnroll(tasks, factory, ThetaLayout(*factory(tasks->task(Rng(0))->space())), options);
}

NetworkUnrollOptions of(int64_t particles, int64_t signs = 2) {
  NetworkUnrollOptions options;
  options.rng = Rng(5);
  options.particles = particles;
  options.signs = signs;
  return options;
}

TEST(NetworkUnroll, BothSignsOfAPairSeeIdenticalDataWeightsAndLabels) {
  for (const auto& tasks : {family(one_task()), family(many_tasks())}) {
    const RuleFactory factory = rules("per_parameter_mlp");
    NetworkUnroll unroll = make_unroll(tasks, factory, of(3));
    const at::Tensor theta = initial_theta(*tasks, factory).expand({6, -1});
    for (int64_t w = 0; w < 4; ++w) {  // across restarts
      const Window window = unroll.run(theta, {5, Restart::next_step});
      EXPECT_TRUE(at::equal(window.loss.narrow(1, 0, 3), window.loss.narrow(1, 3, 3)));
      EXPECT_FALSE(at::equal(window.loss.select(1, 0), window.loss.select(1, 1))) << "particles are copies";
      for (const at::Tensor& tensor : unroll.members().tensors())
        EXPECT_TRUE(at::equal(tensor.narrow(0, 0, 3), tensor.narrow(0, 3, 3)));
    }
  }
}

TEST(NetworkUnroll, DrawsBatchesByParticleRestartAndStepOnly) {
  const auto tasks = family(one_task());
  const RuleFactory factory = rules("per_parameter_mlp");
  const at::Tensor theta = initial_theta(*tasks, factory);
  NetworkUnroll together = make_unroll(tasks, factory, of(4));
  NetworkUnrollOptions options = of(1);
  options.first_particle = 2;
  NetworkUnroll alone = make_unroll(tasks, factory, options);
  for (int64_t w = 0; w < 4; ++w) {
    together.run(theta.expand({8, -1}), {3, Restart::next_step});
    alone.run(theta.expand({2, -1}), {3, Restart::next_step});
    EXPECT_TRUE(at::equal(together.last_batches().inputs[2], alone.last_batches().inputs[0]));
    EXPECT_TRUE(at::equal(together.last_batches().targets[2], alone.last_batches().targets[0]));
    EXPECT_FALSE(at::equal(together.last_batches().inputs[2], together.last_batches().inputs[1]));
  }
}

TEST(NetworkUnroll, RestartsTheStepAfterTheLastOneWithFreshWeights) {
  const auto tasks = family(one_task());  // horizon 7
  const RuleFactory factory = rules("unf");
  NetworkUnroll unroll = make_unroll(tasks, factory, of(2));
  const Members before = unroll.members();
  std::vector<at::Tensor> first;
  for (const at::Tensor& tensor : before.tensors()) first.push_back(tensor.clone());
  const Window window = unroll.run(initial_theta(*tasks, factory).expand({4, -1}), {8, Restart::next_step});
  for (int64_t t = 0; t < 8; ++t) {
    EXPECT_EQ(window.done[t][0].item<bool>(), t == 6) << t;
    EXPECT_EQ(window.mask[t][0].item<double>(), t == 7 ? 0.0 : 1.0) << t;
  }
  EXPECT_EQ(window.loss[7].abs().sum().item<double>(), 0.0);
  EXPECT_EQ(window.steps, 7 * 4);
  for (size_t i = 0; i < first.size(); ++i) {  // restart 1 has other weights than restart 0
    EXPECT_FALSE(at::equal(first[i], unroll.members().tensors()[i]));
  }
}

TEST(NetworkUnroll, WeighsTheLossesOfWindowsByProgress) {
  TaskFamilyOptions options = one_task();  // horizon 7
  const auto plain = family(options);
  options.loss_exponent = 2;
  const auto weighted = family(options);
  double total = 0;
  for (int64_t t = 0; t < 7; ++t) total += weighted->loss_weight(t, 7) / 7;
  EXPECT_NEAR(total, 1.0, 1.0 / 49);

  const RuleFactory factory = rules("unf");
  NetworkUnroll a = make_unroll(plain, factory, of(2)), b = make_unroll(weighted, factory, of(2));
  const at::Tensor theta = initial_theta(*plain, factory).expand({4, -1});
  for (int64_t first = 0; first < 7; first += 4) {  // the second window ends the trajectory and restarts it
    const Window x = a.run(theta, {4, Restart::next_step}), y = b.run(theta, {4, Restart::next_step});
    for (int64_t t = 0; t < std::min<int64_t>(4, 7 - first); ++t)
      for (int64_t m = 0; m < 4; ++m)
        EXPECT_DOUBLE_EQ(y.loss[t][m].item<double>(),
                         x.loss[t][m].item<double>() * 3 * std::pow((static_cast<double>(first + t) + 0.5) / 7, 2));
  }
  NetworkUnroll c = make_unroll(plain, factory, of(2)), d = make_unroll(weighted, factory, of(2));
  EXPECT_TRUE(at::equal(c.run(theta, {4, Restart::never}).loss, d.run(theta, {4, Restart::never}).loss))
      << "whole trajectories have an objective of their own";
}

TEST(NetworkUnroll, OffsetsShiftTheCounterOnly) {
  const auto tasks = family(one_task());
  const RuleFactory factory = rules("unf");
  NetworkUnrollOptions options = of(6);
  NetworkUnroll plain = make_unroll(tasks, factory, options);
  options.random_offsets = true;
  NetworkUnroll shifted = make_unroll(tasks, factory, options);
  const at::Tensor theta = initial_theta(*tasks, factory).expand({12, -1});
  const Window a = plain.run(theta, {7, Restart::next_step}), b = shifted.run(theta, {7, Restart::next_step});
  EXPECT_TRUE(at::equal(a.loss[0], b.loss[0]));
  EXPECT_EQ(a.done.narrow(0, 0, 6).sum().item<int64_t>(), 0);
  EXPECT_GT(b.done.narrow(0, 0, 6).sum().item<int64_t>(), 0);
}

TEST(NetworkUnroll, ContinuesWithTheSameBitsFromSavedState) {
  for (const auto& tasks : {family(one_task()), family(many_tasks())}) {
    const RuleFactory factory = rules("per_parameter_mlp");
    NetworkUnrollOptions options = of(3);
    options.random_offsets = true;
    NetworkUnroll a = make_unroll(tasks, factory, options), b = make_unroll(tasks, factory, options);
    const at::Tensor theta = initial_theta(*tasks, factory).expand({6, -1});
    for (int64_t w = 0; w < 3; ++w) a.run(theta, {4, Restart::next_step});
    b.load_state(a.state());
    for (int64_t w = 0; w < 5; ++w) {
      const Window x = a.run(theta, {4, Restart::next_step}), y = b.run(theta, {4, Restart::next_step});
      EXPECT_TRUE(at::equal(x.loss, y.loss) && at::equal(x.done, y.done) && at::equal(x.mask, y.mask));
    }
    const NamedTensors x = a.state(), y = b.state();
    for (const auto& [name, tensor] : x) EXPECT_TRUE(at::equal(tensor, y.at(name))) << name;
  }
}

TEST(NetworkUnroll, RefusesStateOfOtherParticles) {
  const auto tasks = family(one_task());
  const RuleFactory factory = rules("unf");
  NetworkUnroll a = make_unroll(tasks, factory, of(3)), b = make_unroll(tasks, factory, of(2));
  EXPECT_THROW(b.load_state(a.state()), Error);
}

TEST(NetworkUnroll, ContainsMembersThatAreNotFinite) {
  const auto tasks = family(one_task());
  const RuleFactory factory = rules("unf");
  const at::Tensor good = initial_theta(*tasks, factory).expand({6, -1}).clone();
  at::Tensor bad = good.clone();
  bad[4].fill_(std::numeric_limits<double>::quiet_NaN());  // the negative sign of particle 1
  NetworkUnroll clean = make_unroll(tasks, factory, of(3)), hit = make_unroll(tasks, factory, of(3));
  const Window a = clean.run(good, {4, Restart::next_step}), b = hit.run(bad, {4, Restart::next_step});
  const double bound = 1.5 * std::log(4.0);
  EXPECT_EQ(b.diverged, 1);
  EXPECT_EQ(b.loss[0][4].item<double>(), a.loss[0][4].item<double>()) << "the loss comes before the update";
  for (int64_t t = 1; t < 4; ++t) EXPECT_EQ(b.loss[t][4].item<double>(), bound);
  for (const int64_t m : {0, 1, 2, 3, 5}) EXPECT_TRUE(at::equal(a.loss.select(1, m), b.loss.select(1, m))) << m;
  EXPECT_TRUE(b.done[3][1].item<bool>()) << "its pair ends with the window";
  EXPECT_EQ(b.done.sum().item<int64_t>(), 1);
  const Window next = hit.run(good, {4, Restart::next_step});  // and starts again
  EXPECT_EQ(next.diverged, 0);
  EXPECT_EQ(next.mask[0][1].item<double>(), 0.0);
  EXPECT_LT(next.loss.max().item<double>(), bound);
}

TEST(NetworkUnroll, NamesARuleThatNeedsOtherMetaParametersOnAnotherShape) {
  const auto tasks = family(many_tasks());
  const RuleFactory factory = rules("unf");
  const ThetaLayout layout(*factory(family(one_task())->task(Rng(0))->space()));
  try {
    NetworkUnroll unroll(tasks, factory, layout, of(1));
    for (int64_t i = 0; i < 20; ++i) unroll.restart();
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("One theta must serve all tasks"), std::string::npos) << error.what();
  }
}

/// Loss of a whole trajectory or window as the estimator reports it.
struct Differentiated {
  double loss;
  at::Tensor gradient;
};

Differentiated differentiate(const char* method, int64_t window, const at::Tensor& theta) {
  TaskFamilyOptions options = one_task();
  options.horizon = {6, 6};
  const auto tasks = family(options, at::kDouble);
  NetworkUnroll unroll = make_unroll(tasks, rules("unf"), of(2, 1));
  EstimatorOptions estimator;
  estimator.method = method;
  estimator.window = window;
  const MetaGradient mean =
      mean_of({make_estimator(estimator, 2, theta.numel())->estimate(theta, at::Tensor(), unroll)});
  return {mean.loss, mean.gradient};
}

// float64, UNF rule, mlp 5-3-4: central differences along random directions.
TEST(NetworkUnroll, BackpropagatedMetaGradientsAgreeWithFiniteDifferences) {
  const at::Tensor start = initial_theta(*family(one_task(), at::kDouble), rules("unf"));
  for (const auto& [method, window] :
       {std::pair<const char*, int64_t>{"truncated_gradient", 5}, {"full_gradient", 2}}) {
    SCOPED_TRACE(method);
    at::Tensor theta = start.clone();
    theta[theta.numel() - 2].add_(3.0);  // the network's share of the step: visible beside momentum
    const Differentiated at_theta = differentiate(method, window, theta);
    for (uint64_t k = 0; k < 3; ++k) {
      at::Tensor direction = at::empty_like(theta);
      fill_normal(direction, Rng(8).index(k), 0.0, 1.0);
      constexpr double kStep = 2e-8;  // along a direction of length 60; larger steps cross kinks of the rule's relu
      const double forward = differentiate(method, window, theta + kStep * direction).loss;
      const double backward = differentiate(method, window, theta - kStep * direction).loss;
      const double expected = (forward - backward) / (2 * kStep);
      const double received = (at_theta.gradient * direction).sum().item<double>();
      EXPECT_NEAR(received, expected, 1e-5 * std::max(std::abs(expected), 1e-3)) << "direction " << k;
      EXPECT_GT(std::abs(expected), 1e-5) << "a direction that changes nothing proves nothing";
    }
  }
}

}  // namespace
}  // namespace nfopt
