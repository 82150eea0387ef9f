#include <gtest/gtest.h>
#include <nfopt/nflayers/spec/error.h>
#include <nfopt/runtime/meta/inner_curves.h>
#include <nfopt/runtime/meta/outer_adam.h>
#include <nfopt/runtime/meta/population.h>
#include <tbb/global_control.h>
#include <torch/types.h>

#include "tests/runtime/meta/small_family.h"

namespace nfopt {
namespace {

using testing::family;
using testing::initial_theta;
using testing::many_tasks;
using testing::many_tasks_of;
using testing::one_task;
using testing::rules;

class PopulationOfRule : public ::testing::TestWithParam<const char*> {
 protected:
  RuleFactory factory() const { return rules(GetParam()); }
  std::vector<PopulationGroup> groups() const {
    return {{family(one_task()), 5, 2}, {family(many_tasks_of(GetParam())), 3, 1}};
  }
  at::Tensor theta() const { return initial_theta(*family(one_task()), factory()); }
};
INSTANTIATE_TEST_SUITE_P(Rules, PopulationOfRule, ::testing::Values("context", "unf", "per_parameter_mlp"),
                         [](const auto& info) { return std::string(info.param); });

PopulationOptions options(const char* method = "pes") {
  PopulationOptions options;
  options.seed = 9;
  options.estimator.method = method;
  options.estimator.window = 4;
  return options;
}

/// Some outer steps; returns theta.
at::Tensor meta_train(Population& population, at::Tensor theta, int64_t from, int64_t to) {
  for (int64_t step = from; step < to; ++step) {
    at::Tensor next = theta.clone();
    OuterAdam adam({}, theta.numel());
    adam.step(next, mean_of(population.estimate(theta, step)).gradient);
    theta = next;
  }
  return theta;
}

TEST_P(PopulationOfRule, IsTheSameBitForBitAtAnyNumberOfThreads) {
  for (const char* method : {"pes", "truncated_gradient"}) {
    std::vector<at::Tensor> results;
    for (const size_t threads : {1, 2, 4}) {
      const tbb::global_control limit(tbb::global_control::max_allowed_parallelism, threads);
      Population population(options(method), groups(), factory());
      results.push_back(meta_train(population, theta(), 0, 3));
      EXPECT_FALSE(at::equal(results.back(), theta()));
    }
    for (const at::Tensor& result : results) EXPECT_TRUE(at::equal(result, results.front())) << method;
  }
}

TEST_P(PopulationOfRule, RanksTogetherGiveTheSameBitsAsOne) {
  Population whole(options(), groups(), factory());
  Population first(options(), groups(), factory(), 0, 2), second(options(), groups(), factory(), 1, 2);
  EXPECT_EQ(whole.particles(), 8);
  EXPECT_EQ(whole.chunks(), 6);
  EXPECT_EQ(first.own_chunks(), (std::vector<int64_t>{0, 2, 4}));
  EXPECT_EQ(second.own_chunks(), (std::vector<int64_t>{1, 3, 5}));
  for (int64_t step = 0; step < 3; ++step) {
    const auto expected = whole.estimate(theta(), step), a = first.estimate(theta(), step),
               b = second.estimate(theta(), step);
    for (size_t c = 0; c < 6; ++c) {
      const Estimate& part = c % 2 == 0 ? a[c / 2] : b[c / 2];
      EXPECT_TRUE(at::equal(part.gradient, expected[c].gradient)) << c;
      EXPECT_EQ(part.loss, expected[c].loss);
    }
  }
  EXPECT_THROW(Population(options(), groups(), factory(), 6, 7), Error);
}

TEST_P(PopulationOfRule, ContinuesWithTheSameBitsFromSavedState) {
  for (const char* method : {"pes", "es_single", "truncated_es", "full_es"}) {
    SCOPED_TRACE(method);
    Population a(options(method), groups(), factory());
    const at::Tensor middle = meta_train(a, theta(), 0, 3);
    Population b(options(method), groups(), factory());
    b.load_state(a.state());
    EXPECT_TRUE(at::equal(meta_train(a, middle, 3, 6), meta_train(b, middle, 3, 6)));
  }
}

TEST(Population, RefusesAFamilyOfManyShapesForARuleOfOne) {
  try {
    const Population population(options(), {{family(one_task()), 5, 2}, {family(many_tasks()), 3, 1}}, rules("unf"));
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("One theta must serve all tasks"), std::string::npos) << error.what();
  }
}

class MetaTraining : public ::testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Rules, MetaTraining, ::testing::Values("context", "unf"),
                         [](const auto& info) { return std::string(info.param); });

TEST_P(MetaTraining, LowersTheMetaLoss) {
  const auto tasks = family(one_task());
  const RuleFactory rule = rules(GetParam());
  PopulationOptions pes = options();
  pes.estimator.window = 7;
  Population population(pes, {{tasks, 16, 8}}, rule);
  at::Tensor theta = initial_theta(*tasks, rule);
  InnerCurveOptions curves;
  curves.tasks = 16;
  const auto meta_loss = [&](const at::Tensor& at_theta) {
    double sum = 0;
    for (const double mean : inner_curves(*tasks, rule, at_theta, curves).mean) sum += mean / 16;
    return sum;
  };
  const double before = meta_loss(theta);
  OuterAdamOptions adam;
  adam.lr = 1e-2;
  OuterAdam outer(adam, theta.numel());
  for (int64_t step = 0; step < 40; ++step) outer.step(theta, mean_of(population.estimate(theta, step)).gradient);
  EXPECT_LT(meta_loss(theta), 0.995 * before);
}

TEST(InnerCurves, AreAPureFunctionOfTheirArguments) {
  const auto tasks = family(many_tasks());
  const RuleFactory rule = rules("per_parameter_mlp");
  const at::Tensor theta = initial_theta(*tasks, rule);
  InnerCurveOptions curves;
  curves.tasks = 3;
  const InnerCurves a = inner_curves(*tasks, rule, theta, curves), b = inner_curves(*tasks, rule, theta, curves);
  ASSERT_EQ(a.loss.size(), 3u);
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_TRUE(at::equal(a.loss[i], b.loss[i]));
    EXPECT_GE(a.loss[i].numel(), 4);
    EXPECT_LE(a.loss[i].numel(), 11);
  }
}

}  // namespace
}  // namespace nfopt
