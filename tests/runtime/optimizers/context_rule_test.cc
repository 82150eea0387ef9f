#include <nfopt/nflayers/action/group_action.h>
#include <nfopt/nflayers/action/random_element.h>
#include <nfopt/runtime/optimizers/context_rule.h>
#include <nfopt/runtime/optimizers/learned_optimizer.h>
#include <nfopt/runtime/optimizers/make_update_rule.h>
#include <torch/optim/adam.h>

#include <cmath>

#include "tests/nflayers/spec/described_spaces.h"
#include "tests/runtime/optimizers/small_problem.h"

namespace nfopt {
namespace {

using Tensors = std::vector<at::Tensor>;

Tensors random_tensors(const WeightSpace& space, const Rng& rng, int64_t members = 1, double deviation = 0.5) {
  Tensors list;
  for (const Tensor& tensor : space.tensors()) {
    std::vector<int64_t> shape = {members};
    shape.insert(shape.end(), tensor.shape.begin(), tensor.shape.end());
    at::Tensor t = at::empty(shape, at::kDouble);
    list.push_back(fill_normal(t, rng.purpose(tensor.name), 0, deviation));
  }
  return list;
}

/// theta away from Adam: every path of the rule is taken.
NamedTensors strong_theta(const UpdateRule& rule, int64_t members = 1) {
  NamedTensors theta = random_theta(rule, Rng(1), members);
  for (auto& [name, tensor] : theta)
    if (name.starts_with("direction") || name.starts_with("scale") || name == "rate.weight2") tensor = tensor * 5;
  return theta;
}

StepContext context_of(int64_t step, int64_t members = 1) {
  StepContext context;
  context.step = step;
  context.total_steps = 50;
  context.loss = at::full({members}, 2.3 / (1.0 + static_cast<double>(step)), at::kDouble);
  return context;
}

struct Trajectory {
  Tensors params, updates;
  RuleState state;
};

/// Three steps with gradients grads(step).
template <class Gradients>
Trajectory run(const UpdateRule& rule, const NamedTensors& theta, Tensors params, const Gradients& gradients) {
  Trajectory result;
  result.state = rule.init(params);
  for (int64_t t = 0; t < 3; ++t) {
    Update update = rule.update(theta, params, gradients(t), result.state, context_of(t, params.front().size(0)));
    for (size_t i = 0; i < params.size(); ++i) params[i] = params[i] - update.updates[i];
    result.state = std::move(update.state);
    result.updates = std::move(update.updates);
  }
  result.params = std::move(params);
  return result;
}

double largest_difference(const Tensors& a, const Tensors& b) {
  double largest = 0;
  for (size_t i = 0; i < a.size(); ++i)
    if (a[i].numel() > 0) largest = std::max(largest, (a[i] - b[i]).abs().max().item<double>());
  return largest;
}

TEST(ContextRule, StartsAsAdam) {
  const ContextRule rule({}, small_space());
  Tensors params = random_tensors(*rule.space(), Rng(2)), ours = params;
  Tensors leaves;
  for (const at::Tensor& p : params) leaves.push_back(p.clone().requires_grad_());
  torch::optim::Adam adam(leaves, torch::optim::AdamOptions(3e-3).betas({0.9, 0.99}).eps(1e-8));
  const NamedTensors theta = rule.initial_theta(Rng(1));
  RuleState state = rule.init(ours);
  for (int64_t t = 0; t < 20; ++t) {
    const Tensors grads = random_tensors(*rule.space(), Rng(3).index(t));
    for (size_t i = 0; i < leaves.size(); ++i) leaves[i].mutable_grad() = grads[i];
    adam.step();
    Update update = rule.update(theta, ours, grads, state, context_of(t));
    state = std::move(update.state);
    for (size_t i = 0; i < ours.size(); ++i) ours[i] = ours[i] - update.updates[i];
    EXPECT_LE(largest_difference(ours, leaves), 1e-13) << "step " << t;  // float64
  }
  EXPECT_GT(largest_difference(ours, params), 1e-2);
}

TEST(ContextRule, OutputsHaveAStepSizeOfTheirOwn) {
  const ContextRule rule({}, small_space());
  const Tensors params = random_tensors(*rule.space(), Rng(2)), grads = random_tensors(*rule.space(), Rng(3));
  NamedTensors theta = rule.initial_theta(Rng(1));
  const Tensors before = rule.update(theta, params, grads, rule.init(params), context_of(0)).updates;
  theta.at("rate.bias2").select(1, 3).add_(std::log(2.0));
  const Tensors after = rule.update(theta, params, grads, rule.init(params), context_of(0)).updates;
  for (size_t i = 0; i < params.size(); ++i)
    EXPECT_LE((after[i] - before[i] * (i == 2 ? 2 : 1)).abs().max().item<double>(), 1e-16)
        << rule.space()->tensors()[i].name;  // float64
}

TEST(ContextRule, CommutesWithTheLayerGroupOfEveryDescribedSpace) {
  for (const auto& [name, tensors] : testing::described_spaces()) {
    const ContextRule rule({}, std::make_shared<const WeightSpace>(tensors));
    const WeightSpace& space = *rule.space();
    const NamedTensors theta = strong_theta(rule);
    const Tensors params = random_tensors(space, Rng(2));
    for (uint64_t draw = 0; draw < 2; ++draw) {
      const GroupAction g(space, random_layer_element(space, Fold::fixed(), Rng(draw)));
      const auto plain = run(rule, theta, params, [&](int64_t t) { return random_tensors(space, Rng(3).index(t)); });
      const auto moved =
          run(rule, theta, g(params), [&](int64_t t) { return g(random_tensors(space, Rng(3).index(t))); });
      EXPECT_LE(largest_difference(moved.params, g(plain.params)), 1e-10) << name << ", draw " << draw;  // float64
    }
  }
}

TEST(ContextRule, EveryElementSeesTheRestOfTheNetwork) {
  const ContextRule rule({}, small_space());
  const NamedTensors theta = strong_theta(rule);
  const Tensors params = random_tensors(*rule.space(), Rng(2)), grads = random_tensors(*rule.space(), Rng(3));
  const RuleState state = rule.init(params);
  const Update plain = rule.update(theta, params, grads, state, context_of(0));
  Tensors other = grads;
  other[0] = other[0].clone();
  other[0][0][1].mul_(-3);  // the second unit's row in the first layer
  const Update changed = rule.update(theta, params, other, state, context_of(0));
  // The second column of the next layer belongs to this unit: it learns more than its neighbours.
  EXPECT_GT((changed.updates[2] - plain.updates[2]).abs().select(2, 1).max().item<double>(), 1e-6);
  EXPECT_NE((changed.updates[1] - plain.updates[1]).abs()[0][1].item<double>(), 0);

  ContextDescription alone;
  alone.context_gain = 0;
  alone.rate_units = 0;
  const ContextRule per_parameter(alone, small_space());
  const NamedTensors own = strong_theta(per_parameter);
  const Update before = per_parameter.update(own, params, grads, state, context_of(0));
  const Update after = per_parameter.update(own, params, other, state, context_of(0));
  for (const size_t i : {1, 2, 3}) EXPECT_TRUE(at::equal(before.updates[i], after.updates[i])) << i;
}

TEST(ContextRule, DoesNotSeeTheScaleOfTheLoss) {
  const ContextRule rule({}, small_space());
  const NamedTensors theta = strong_theta(rule);
  const Tensors params = random_tensors(*rule.space(), Rng(2));
  const auto scaled = [&](double by) {
    RuleState state = rule.init(params);
    Tensors updates;
    for (int64_t t = 0; t < 4; ++t) {
      Tensors grads = random_tensors(*rule.space(), Rng(3).index(t));
      for (at::Tensor& g : grads) g = g * by;
      StepContext context = context_of(t);
      context.loss = context.loss * by;
      Update update = rule.update(theta, params, grads, state, context);
      state = std::move(update.state);
      updates = std::move(update.updates);
    }
    return updates;
  };
  const Tensors plain = scaled(1);
  double size = 0;
  for (const at::Tensor& u : plain) size = std::max(size, u.abs().max().item<double>());
  for (const double by : {1e-2, 1e3}) EXPECT_LE(largest_difference(scaled(by), plain), 1e-5 * size) << by;  // epsilons
}

TEST(ContextRule, SplittingAPopulationChangesNoBit) {
  const ContextRule rule({}, small_space());
  const NamedTensors theta = strong_theta(rule, 3);
  const Tensors params = random_tensors(*rule.space(), Rng(2), 3);
  const auto gradients = [&](int64_t t) { return random_tensors(*rule.space(), Rng(3).index(t), 3); };
  const Trajectory all = run(rule, theta, params, gradients);
  for (int64_t p = 0; p < 3; ++p) {
    const auto member = [p](const Tensors& list) {
      Tensors own;
      for (const at::Tensor& t : list) own.push_back(t.narrow(0, p, 1));
      return own;
    };
    NamedTensors own;
    for (const auto& [name, tensor] : theta) own.add(name, tensor.narrow(0, p, 1));
    const Trajectory one = run(rule, own, member(params), [&](int64_t t) { return member(gradients(t)); });
    for (size_t i = 0; i < params.size(); ++i)
      EXPECT_TRUE(at::equal(one.params[i], all.params[i].narrow(0, p, 1))) << "member " << p << ", tensor " << i;
    for (const auto& [name, tensor] : one.state)
      EXPECT_TRUE(at::equal(tensor, all.state.at(name).narrow(0, p, 1))) << name;
  }
}

TEST(ContextRule, MembersHaveClocksOfTheirOwn) {
  const ContextRule rule({}, small_space());
  const NamedTensors theta = strong_theta(rule);
  const Tensors params = random_tensors(*rule.space(), Rng(2), 2), grads = random_tensors(*rule.space(), Rng(3), 2);
  const RuleState state = rule.init(params);
  StepContext both;
  both.member_steps = {0, 70};
  both.member_total_steps = {100, 80};
  const Update together = rule.update(theta, params, grads, state, both);
  for (int64_t p = 0; p < 2; ++p) {
    StepContext one;
    one.step = both.member_steps[p];
    one.total_steps = both.member_total_steps[p];
    const Update all = rule.update(theta, params, grads, state, one);
    for (size_t i = 0; i < params.size(); ++i) {
      EXPECT_TRUE(at::equal(together.updates[i][p], all.updates[i][p]));
      EXPECT_FALSE(at::equal(together.updates[i][1 - p], all.updates[i][1 - p]));
    }
  }
  both.member_steps = {1, 2, 3};
  expect_error([&] { rule.update(theta, params, grads, state, both); }, {"lists 3 members", "have 2"});
}

TEST(ContextRule, WithoutAHorizonTheScheduleIsConstant) {
  const ContextRule rule({}, small_space());
  const NamedTensors theta = strong_theta(rule);
  const Tensors params = random_tensors(*rule.space(), Rng(2)), grads = random_tensors(*rule.space(), Rng(3));
  const RuleState state = rule.init(params);
  StepContext context;
  context.step = 7;
  const Update none = rule.update(theta, params, grads, state, context);
  context.step = 40;
  context.total_steps = 100;  // 0.4: progress_without_horizon
  Update some = rule.update(theta, params, grads, state, context);
  EXPECT_FALSE(at::equal(none.updates[0], some.updates[0]));  // log(step) differs
  NamedTensors blind = theta;
  const int64_t step_input = static_cast<int64_t>(rule.description().progress_centres.size());
  blind.at("rate.weight1").select(1, step_input).zero_();
  context.step = 7;
  context.total_steps.reset();
  const Update a = rule.update(blind, params, grads, state, context);
  context.step = 40;
  context.total_steps = 100;
  const Update b = rule.update(blind, params, grads, state, context);
  EXPECT_TRUE(at::equal(a.updates[0], b.updates[0]));
  context.total_steps = 0;
  expect_error([&] { rule.update(theta, params, grads, state, context); }, {"horizon is 0"});
}

TEST(ContextRule, DerivativesAgreeWithDifferences) {
  const ContextRule rule({}, small_space());
  NamedTensors theta = strong_theta(rule);
  Tensors params = random_tensors(*rule.space(), Rng(2)), grads = random_tensors(*rule.space(), Rng(3));
  grads[0] = grads[0].clone();
  grads[0][0][0].zero_();  // a dead unit: roots of zero
  Tensors inputs;
  for (auto& [name, tensor] : theta) inputs.push_back(tensor.requires_grad_());
  for (at::Tensor& t : params) inputs.push_back(t.requires_grad_());
  for (size_t i = 1; i < grads.size(); ++i) inputs.push_back(grads[i].requires_grad_());
  const Tensors weights = random_tensors(*rule.space(), Rng(4));
  const auto loss = [&] {
    const Update first = rule.update(theta, params, grads, rule.init(params), context_of(0));
    Tensors moved;
    for (size_t i = 0; i < params.size(); ++i) moved.push_back(params[i] - first.updates[i]);
    const Update second = rule.update(theta, moved, grads, first.state, context_of(1));
    at::Tensor sum = at::zeros({}, at::kDouble);
    for (size_t i = 0; i < weights.size(); ++i) sum = sum + (second.updates[i] * weights[i]).sum() * 1e3;
    return sum;
  };
  auto gradient = torch::autograd::grad({loss()}, inputs, {}, std::nullopt, false, true);
  at::NoGradGuard no_grad;
  // Every theta by itself, then all inputs together.
  const auto slope = [&](const Tensors& directions) {
    const double h = 1e-7;
    const auto move = [&](double by) {
      for (size_t i = 0; i < inputs.size(); ++i)
        if (directions[i].defined()) inputs[i].add_(directions[i], by);
    };
    move(h);
    const double plus = loss().item<double>();
    move(-2 * h);
    const double minus = loss().item<double>();
    move(h);
    return (plus - minus) / (2 * h);
  };
  Tensors everything(inputs.size());
  double all = 0;
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (!gradient[i].defined()) {  // a perceptron has no axis that is neither written nor read
      EXPECT_EQ(rule.theta_shapes().at(i).first, "mix.neither");
      gradient[i] = at::zeros_like(inputs[i]);
    }
    ASSERT_TRUE(gradient[i].isfinite().all().item<bool>()) << i;
    everything[i] = at::empty_like(inputs[i]);
    fill_normal(everything[i], Rng(6).index(i), 0, 1);
    const double along = (gradient[i] * everything[i]).sum().item<double>();
    all += along;
    if (i >= theta.size()) continue;
    Tensors one(inputs.size());
    one[i] = everything[i];
    EXPECT_NEAR(slope(one), along, 2e-5 * std::max(1.0, std::abs(along))) << rule.theta_shapes()[i].first;
  }
  EXPECT_NEAR(slope(everything), all, 2e-5 * std::max(1.0, std::abs(all)));
  EXPECT_NE(all, 0);
}

TEST(ContextRule, ParametersWithoutGradientKeepStateAndValue) {
  const ContextRule rule({}, small_space());
  const NamedTensors theta = strong_theta(rule);
  const Tensors params = random_tensors(*rule.space(), Rng(2));
  Tensors grads = random_tensors(*rule.space(), Rng(3));
  const RuleState state = rule.update(theta, params, grads, rule.init(params), context_of(0)).state;
  Tensors zeros = grads;
  zeros[2] = at::zeros_like(grads[2]);
  const Update with_zeros = rule.update(theta, params, zeros, state, context_of(1));
  grads[2] = at::Tensor();
  const Update update = rule.update(theta, params, grads, state, context_of(1));
  EXPECT_EQ(update.updates[2].abs().max().item<double>(), 0);
  for (const size_t i : {0, 1, 3}) EXPECT_TRUE(at::equal(update.updates[i], with_zeros.updates[i])) << i;
  // fc1: 20 + 4 entries before fc2.weight's 12; its row statistics (over 4 columns) follow fc1's 4.
  const auto part = [](const at::Tensor& t, int64_t from, int64_t count) { return t.narrow(-1, from, count); };
  EXPECT_TRUE(at::equal(part(update.state.at("momenta"), 24, 12), part(state.at("momenta"), 24, 12)));
  EXPECT_FALSE(at::equal(part(update.state.at("momenta"), 0, 24), part(state.at("momenta"), 0, 24)));
  EXPECT_TRUE(at::equal(part(update.state.at("rows"), 4, 3), part(state.at("rows"), 4, 3)));
  EXPECT_FALSE(at::equal(part(update.state.at("rows"), 0, 4), part(state.at("rows"), 0, 4)));
}

TEST(ContextRule, RunsOnEveryArchitectureWithOneTheta) {
  const NamedTensors theta = strong_theta(ContextRule({}, small_space()));
  for (const auto& [name, tensors] : testing::described_spaces()) {
    const ContextRule rule({}, std::make_shared<const WeightSpace>(tensors));
    const Tensors params = random_tensors(*rule.space(), Rng(2), 2), grads = random_tensors(*rule.space(), Rng(3), 2);
    const Update update = rule.update(theta, params, grads, rule.init(params), context_of(0, 2));
    for (size_t i = 0; i < params.size(); ++i) {
      EXPECT_EQ(update.updates[i].sizes(), params[i].sizes()) << name;
      EXPECT_TRUE(update.updates[i].isfinite().all().item<bool>()) << name;
    }
  }
}

TEST(ContextRule, AFreshZeroNetworkStepsFinitely) {
  const ContextRule rule({}, small_space());
  Tensors params, grads;
  for (const at::Tensor& t : random_tensors(*rule.space(), Rng(2))) params.push_back(at::zeros_like(t));
  grads = params;
  const Update update = rule.update(strong_theta(rule), params, grads, rule.init(params), {});
  for (const at::Tensor& u : update.updates) EXPECT_TRUE(u.isfinite().all().item<bool>());
}

TEST(ContextRule, DescribesItselfCompletely) {
  ContextDescription description;
  description.hidden = 5;
  description.nominal = ContextNominal::momentum;
  description.progress_centres = {0.25, 0.75};
  description.loss_decay = 0.9;
  const ContextRule rule(description, small_space());
  const RuleDescription back = rule_from_json(rule.describe());
  const auto again = make_update_rule(back, small_space());
  EXPECT_EQ(again->describe(), rule.describe());
  const NamedTensors theta = strong_theta(rule);
  const Tensors params = random_tensors(*rule.space(), Rng(2)), grads = random_tensors(*rule.space(), Rng(3));
  const auto step = [&](const UpdateRule& r) { return r.update(theta, params, grads, r.init(params), context_of(3)); };
  for (size_t i = 0; i < params.size(); ++i) EXPECT_TRUE(at::equal(step(rule).updates[i], step(*again).updates[i]));
  const std::string text = to_json(description);
  expect_error([&] { context_from_json("{" + text.substr(text.find(',') + 1)); }, {"'hidden' is missing"});
  expect_error([&] { context_from_json("{\"hiden\":1," + text.substr(1)); }, {"unknown entry 'hiden'", "'hidden'"});
  description.hidden = 9;
  description.clip = 0;
  expect_error([&] { ContextRule(description, small_space()); }, {"'hidden': expected 1 to 8, received 9", "'clip'"});
}

TEST(ContextRule, ItsStateContinuesAfterARoundTrip) {
  const auto rule = std::make_shared<const ContextRule>(ContextDescription(), small_space());
  const auto optimizer_of = [&](NamedParameters& parameters) {
    parameters.clear();
    const Tensors start = random_tensors(*rule->space(), Rng(2));
    for (size_t i = 0; i < start.size(); ++i)
      parameters.emplace_back(rule->space()->tensors()[i].name, start[i][0].to(at::kFloat).clone().requires_grad_());
    return LearnedOptimizer(parameters, rule, strong_theta(*rule), LearnedOptimizerOptions().total_steps(10));
  };
  const auto step = [&](LearnedOptimizer& optimizer, NamedParameters& parameters, int64_t t) {
    const Tensors grads = random_tensors(*rule->space(), Rng(3).index(t));
    for (size_t i = 0; i < grads.size(); ++i) parameters[i].second.mutable_grad() = grads[i][0].to(at::kFloat);
    optimizer.step([&] { return at::full({}, 2.0 / (1.0 + static_cast<double>(t)), at::kFloat); });
  };
  NamedParameters a, b;
  LearnedOptimizer whole = optimizer_of(a), second = optimizer_of(b);
  for (int64_t t = 0; t < 3; ++t) step(whole, a, t);
  const NamedTensors saved = whole.state();
  for (size_t i = 0; i < a.size(); ++i) b[i].second.detach().copy_(a[i].second.detach());
  second.load_state(saved);
  for (int64_t t = 3; t < 6; ++t) {
    step(whole, a, t);
    step(second, b, t);
  }
  for (size_t i = 0; i < a.size(); ++i) EXPECT_TRUE(at::equal(a[i].second, b[i].second)) << a[i].first;
}

}  // namespace
}  // namespace nfopt
