#include <nfopt/nflayers/action/group_action.h>
#include <nfopt/nflayers/action/random_element.h>
#include <nfopt/runtime/optimizers/theta_values.h>

#include "tests/runtime/optimizers/small_problem.h"

namespace nfopt {
namespace {

class EveryRule : public ::testing::TestWithParam<std::string> {
 protected:
  LearnedRule rule_{rule_preset(GetParam()), small_space()};
};
INSTANTIATE_TEST_SUITE_P(Presets, EveryRule, ::testing::ValuesIn(assembled_preset_names()),
                         [](const auto& info) { return info.param; });

void expect_equal(const std::vector<at::Tensor>& a, const std::vector<at::Tensor>& b, double tolerance) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    ASSERT_EQ(a[i].sizes(), b[i].sizes());
    EXPECT_LE((a[i] - b[i]).abs().max().item<double>(), tolerance) << "tensor " << i;
  }
}

TEST_P(EveryRule, InitialThetaFitsAndDependsOnTheSeedOnly) {
  const NamedTensors theta = rule_.initial_theta(Rng(7));
  check_theta(rule_, theta);
  const NamedTensors again = rule_.initial_theta(Rng(7));
  const NamedTensors other = rule_.initial_theta(Rng(8));
  EXPECT_TRUE(at::equal(theta.begin()->second, again.begin()->second));
  EXPECT_FALSE(at::equal(theta.begin()->second, other.begin()->second));
}

TEST_P(EveryRule, MembersDoNotSeeEachOther) {
  const NamedTensors theta = random_theta(rule_, Rng(1), 3);
  std::vector<at::Tensor> params = random_list(rule_, Rng(2), 3);
  RuleState state = rule_.init(params);
  std::vector<std::vector<at::Tensor>> single(3);
  std::vector<RuleState> single_state;
  for (int64_t p = 0; p < 3; ++p) {
    for (const at::Tensor& t : params) single[p].push_back(t.narrow(0, p, 1));
    single_state.push_back(rule_.init(single[p]));
  }
  for (int64_t t = 0; t < 3; ++t) {
    const std::vector<at::Tensor> grads = random_list(rule_, Rng(3).index(t), 3);
    StepContext context;
    context.step = t;
    Update all = rule_.update(theta, params, grads, state, context);
    state = std::move(all.state);
    for (int64_t p = 0; p < 3; ++p) {
      NamedTensors own;
      for (const auto& [name, tensor] : theta) own.add(name, tensor.narrow(0, p, 1));
      std::vector<at::Tensor> own_grads;
      for (const at::Tensor& g : grads) own_grads.push_back(g.narrow(0, p, 1));
      Update one = rule_.update(own, single[p], own_grads, single_state[p], context);
      single_state[p] = std::move(one.state);
      std::vector<at::Tensor> members;
      for (const at::Tensor& u : all.updates) members.push_back(u.narrow(0, p, 1));
      expect_equal(members, one.updates, 1e-12);
    }
  }
}

TEST_P(EveryRule, MembersAtDifferentStepsEqualSingleRuns) {
  const std::vector<int64_t> member_steps = {0, 700, 3};
  for (const int64_t thetas : {3, 1}) {
    const NamedTensors theta = random_theta(rule_, Rng(1), thetas);
    const std::vector<at::Tensor> params = random_list(rule_, Rng(2), 3), grads = random_list(rule_, Rng(3), 3);
    StepContext context;
    context.member_steps = member_steps;
    const Update all = rule_.update(theta, params, grads, rule_.init(params), context);
    for (int64_t p = 0; p < 3; ++p) {
      const auto member = [&](const std::vector<at::Tensor>& list) {
        std::vector<at::Tensor> own;
        for (const at::Tensor& t : list) own.push_back(t.narrow(0, p, 1));
        return own;
      };
      NamedTensors own;
      for (const auto& [name, tensor] : theta) own.add(name, thetas == 1 ? tensor : tensor.narrow(0, p, 1));
      StepContext single;
      single.step = member_steps[p];
      const Update one = rule_.update(own, member(params), member(grads), rule_.init(member(params)), single);
      expect_equal(member(all.updates), one.updates, 1e-12);
    }
  }
}

TEST(LearnedRule, TheStepOfEveryMemberOrOneForAll) {
  const LearnedRule rule(rule_preset("unf"), small_space());
  const std::vector<at::Tensor> params = random_list(rule, Rng(2), 3);
  StepContext context;
  context.member_steps = {1, 2};
  expect_error([&] { rule.update(rule.initial_theta(Rng(1)), params, params, rule.init(params), context); },
               {"member_steps has 2 entries", "3 members"});
}

TEST_P(EveryRule, CommutesWithTheLayerGroup) {
  const WeightSpacePtr space = rule_.space();
  const GroupElement g = random_layer_element(*space, Fold::fixed(), Rng(5));
  const NamedTensors theta = random_theta(rule_, Rng(1));
  const std::vector<at::Tensor> params = random_list(rule_, Rng(2));
  const std::vector<at::Tensor> grads = random_list(rule_, Rng(3));
  StepContext context;
  context.step = 20;
  const auto step = [&](const std::vector<at::Tensor>& p, const std::vector<at::Tensor>& dp) {
    return rule_.update(theta, p, dp, rule_.init(p), context).updates;
  };
  expect_equal(step(apply(g, *space, params), apply(g, *space, grads)), apply(g, *space, step(params, grads)), 1e-12);
}

TEST_P(EveryRule, ParametersWithoutGradientKeepStateAndValue) {
  const NamedTensors theta = random_theta(rule_, Rng(1));
  const std::vector<at::Tensor> params = random_list(rule_, Rng(2));
  std::vector<at::Tensor> grads = random_list(rule_, Rng(3));
  RuleState state = rule_.update(theta, params, grads, rule_.init(params), {}).state;  // not all zeros
  std::vector<at::Tensor> zeros = grads;
  zeros[1] = at::zeros_like(grads[1]);
  const Update with_zeros = rule_.update(theta, params, zeros, state, {});
  grads[1] = at::Tensor();
  const Update update = rule_.update(theta, params, grads, state, {});
  EXPECT_EQ(update.updates[1].abs().max().item<double>(), 0);
  for (size_t i : {0, 2, 3})  // another path than with_zeros where steps are fused
    EXPECT_LE((update.updates[i] - with_zeros.updates[i]).abs().max().item<double>(), 1e-12) << i;
  for (const auto& [name, tensor] : update.state) {
    const std::vector<int64_t> numels = rule_.state_numels(name);
    const auto part = [&](const at::Tensor& t) { return t.split_with_sizes(numels, -1)[1]; };
    EXPECT_TRUE(at::equal(part(tensor), part(state.at(name)))) << name;
    EXPECT_FALSE(at::equal(tensor, state.at(name))) << name;
  }
}

TEST_P(EveryRule, IsDifferentiableInThetaParametersAndGradients) {
  NamedTensors theta = random_theta(rule_, Rng(1));
  std::vector<at::Tensor> params = random_list(rule_, Rng(2));
  std::vector<at::Tensor> grads = random_list(rule_, Rng(3));
  std::vector<at::Tensor> inputs;
  for (auto& [name, tensor] : theta) inputs.push_back(tensor.requires_grad_());
  for (at::Tensor& t : params) inputs.push_back(t.requires_grad_());
  for (at::Tensor& t : grads) inputs.push_back(t.requires_grad_());
  // Two steps, so that the state carries gradients as well.
  const auto loss = [&](const std::vector<at::Tensor>& weights) {
    Update first = rule_.update(theta, params, grads, rule_.init(params), {});
    std::vector<at::Tensor> moved;
    for (size_t i = 0; i < params.size(); ++i) moved.push_back(params[i] - first.updates[i]);
    StepContext context;
    context.step = 1;
    const Update second = rule_.update(theta, moved, grads, first.state, context);
    at::Tensor sum = at::zeros({}, at::kDouble);
    for (size_t i = 0; i < weights.size(); ++i) sum = sum + (second.updates[i] * weights[i]).sum() * 1e3;
    return sum;
  };
  const std::vector<at::Tensor> weights = random_list(rule_, Rng(4));
  const auto gradient = torch::autograd::grad({loss(weights)}, inputs, {}, std::nullopt, false, true);
  torch::NoGradGuard no_grad;
  double along = 0;
  std::vector<at::Tensor> directions;
  for (size_t i = 0; i < inputs.size(); ++i) {
    at::Tensor d = at::empty_like(inputs[i]);
    directions.push_back(fill_normal(d, Rng(6).index(i), 0, 1));
    if (gradient[i].defined()) along += (gradient[i] * d).sum().item<double>();
  }
  const double h = 1e-7;
  const auto move = [&](double by) {
    for (size_t i = 0; i < inputs.size(); ++i) inputs[i].add_(directions[i], by);
  };
  move(h);
  const double plus = loss(weights).item<double>();
  move(-2 * h);
  const double minus = loss(weights).item<double>();
  EXPECT_NEAR((plus - minus) / (2 * h), along, 2e-5 * std::max(1.0, std::abs(along)));
  EXPECT_NE(along, 0);
}

TEST_P(EveryRule, LeavesItsInputsAlone) {
  const NamedTensors theta = random_theta(rule_, Rng(1));
  const std::vector<at::Tensor> params = random_list(rule_, Rng(2)), grads = random_list(rule_, Rng(3));
  const RuleState state = rule_.init(params);
  std::vector<std::pair<at::Tensor, at::Tensor>> copies;
  for (const auto& t : params) copies.emplace_back(t, t.clone());
  for (const auto& t : grads) copies.emplace_back(t, t.clone());
  for (const auto& [name, t] : theta) copies.emplace_back(t, t.clone());
  for (const auto& [name, t] : state) copies.emplace_back(t, t.clone());
  rule_.update(theta, params, grads, state, {});
  for (const auto& [tensor, copy] : copies) EXPECT_TRUE(at::equal(tensor, copy));
}

TEST(LearnedRule, BlocksOfElementsChangeNothing) {
  TensorDescription tensor;
  tensor.name = "w";
  tensor.shape = {101, 97};  // two blocks and a rest
  tensor.axes = "[a, b]";
  const auto space = std::make_shared<const WeightSpace>(std::vector<TensorDescription>{tensor});
  const LearnedRule rule(rule_preset("unf"), space);
  const NamedTensors theta = random_theta(rule, Rng(1), 2);
  const std::vector<at::Tensor> params = random_list(rule, Rng(2), 2), grads = random_list(rule, Rng(3), 2);
  const Update under_grad_mode = rule.update_with_aten(theta, params, grads, rule.init(params), {});
  torch::NoGradGuard no_grad;
  const Update in_blocks = rule.update_with_aten(theta, params, grads, rule.init(params), {});
  expect_equal(in_blocks.updates, under_grad_mode.updates, 1e-13);
}

TEST(LearnedRule, TensorsThatDoNotFitAreListedTogether) {
  const LearnedRule rule(rule_preset("unf"), small_space());
  const NamedTensors theta = rule.initial_theta(Rng(1));
  std::vector<at::Tensor> params = random_list(rule, Rng(2));
  const std::vector<at::Tensor> grads = random_list(rule, Rng(3));
  const RuleState state = rule.init(params);
  params[1] = at::zeros({1, 5}, at::kDouble);
  params[2] = params[2].to(at::kFloat);
  expect_error([&] { rule.update(theta, params, grads, state, {}); }, {"'fc1.bias'", "[4]", "'fc2.weight'", "Float"});
  params = random_list(rule, Rng(2));
  params.pop_back();
  expect_error([&] { rule.init(params); }, {"expected 4 parameters", "received 3"});
}

TEST(LearnedRule, ThetaThatDoesNotFitIsListedInOneMessage) {
  const LearnedRule rule(rule_preset("unf"), small_space());
  NamedTensors theta;
  for (const auto& [name, tensor] : rule.initial_theta(Rng(1))) {
    if (name == "L1.w") continue;
    theta.add(name, name == "L0.b" ? at::zeros({1, 31}) : tensor);
  }
  theta.add("L9.w", at::zeros({1}));
  expect_error([&] { check_theta(rule, theta); },
               {"'L1.w' is missing: expected [32, 32]", "'L0.b': expected [32], received [31]", "'L9.w' is unknown"});
}

TEST(LearnedRule, ASpaceWithBuffersIsSteppedOverItsParameters) {
  std::vector<TensorDescription> tensors = small_space()->descriptions();
  TensorDescription buffer;
  buffer.name = "running_mean";
  buffer.shape = {4};
  buffer.axes = "[h]";
  buffer.kind = Kind::buffer;
  buffer.role = Role::stat;
  tensors.insert(tensors.begin() + 1, buffer);
  const LearnedRule with(rule_preset("unf"), std::make_shared<const WeightSpace>(tensors));
  const LearnedRule without(rule_preset("unf"), small_space());
  EXPECT_EQ(with.theta_shapes(), without.theta_shapes());
  EXPECT_EQ(with.space()->tensors().size(), 4u);
}

TEST(LearnedRule, OnePositionEmbeddingForAllNeedsOneKernelSize) {
  std::vector<WeightSpace::NumberedTensor> tensors = {{"a", {0, 1, 2, 3}, {3, 3, 2, 4}},
                                                      {"b", {4, 5, 3, 6}, {1, 1, 4, 2}}};
  const auto space = std::make_shared<const WeightSpace>(WeightSpace::from_numbered_labels(tensors));
  RuleDescription rule = rule_preset("per_parameter_mlp");
  rule.network.layers[0].position_embedding = true;
  expect_error([&] { LearnedRule(rule, space); }, {"one kernel size", "'a' is 3 x 3", "'b' is 1 x 1"});
}

}  // namespace
}  // namespace nfopt
