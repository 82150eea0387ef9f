#include <nfopt/runtime/optimizers/clipped_momentum_start.h>
#include <nfopt/runtime/optimizers/theta_values.h>

#include <cmath>
#include <numbers>

#include "tests/runtime/optimizers/small_problem.h"

namespace nfopt {
namespace {

class ClippedMomentum : public ::testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Rules, ClippedMomentum, ::testing::Values("unf", "per_parameter_mlp"),
                         [](const auto& info) { return std::string(info.param); });

TEST_P(ClippedMomentum, IsItsFormula) {
  const LearnedRule rule(rule_preset(GetParam()), small_space());
  ClippedMomentumStart start;
  start.rate = 0.03;
  start.sharpness = 4;
  start.gradient = 0.25;
  start.horizon = 500;
  const NamedTensors theta = clipped_momentum_start(rule, rule.initial_theta(Rng(1)), start);
  check_theta(rule, theta);
  const std::vector<at::Tensor> params = random_list(rule, Rng(2));
  int64_t inside = 0, outside = 0;
  for (const int64_t t : {0, 3, 60, 250, 400, 499}) {
    const std::vector<at::Tensor> grads = random_list(rule, Rng(3).index(static_cast<uint64_t>(t)));
    StepContext context;
    context.step = t;
    RuleTrace trace;
    const Update update = rule.update_traced(theta, params, grads, rule.init(params), context, trace);
    const double bound = 0.5 * (1 + std::cos(std::numbers::pi * static_cast<double>(t) / 500)) + 0.015;
    const at::Tensor m = trace.normalized.select(1, 4).reshape({-1});  // p, g, then decays .1, .5, .9
    const at::Tensor x = 0.75 * m + 0.25 * trace.normalized.select(1, 1).reshape({-1});
    std::vector<at::Tensor> flat, flat_grads;
    for (size_t i = 0; i < grads.size(); ++i) {
      flat.push_back(update.updates[i].reshape({-1}));
      flat_grads.push_back(grads[i].reshape({-1}));
    }
    const at::Tensor nominal = start.nominal * 0.1 * at::cat(flat_grads);  // the first momentum is a tenth of g
    const at::Tensor clipped = (at::cat(flat) - nominal) / start.rate;
    EXPECT_LE((clipped - (start.sharpness * x).clamp(-bound, bound)).abs().max().item<double>(), 0.02) << "step " << t;
    inside += ((start.sharpness * x).abs() < bound).sum().item<int64_t>();
    outside += ((start.sharpness * x).abs() > bound).sum().item<int64_t>();
  }
  EXPECT_GT(inside, 20);
  EXPECT_GT(outside, 20);
}

TEST(ClippedMomentumStart, RefusesRulesThatItDoesNotFit) {
  const LearnedRule rule(rule_preset("small_fc"), small_space());
  expect_error([&] { clipped_momentum_start(rule, rule.initial_theta(Rng(0)), {}); },
               {"'small_fc'", "features are p, g and momenta", "learnable_residual"});
  const LearnedRule unf(rule_preset("unf"), small_space());
  ClippedMomentumStart start;
  start.decay = 0.8;
  start.rate = 0;
  expect_error([&] { clipped_momentum_start(unf, unf.initial_theta(Rng(0)), start); }, {"decay", "positive"});
}

}  // namespace
}  // namespace nfopt
