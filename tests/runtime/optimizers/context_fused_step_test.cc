#include <nfopt/nflayers/kernels/cpu/simd_target.h>
#include <nfopt/runtime/optimizers/context_rule.h>
#include <tbb/global_control.h>

#include <optional>

#include "tests/nflayers/spec/described_spaces.h"
#include "tests/runtime/optimizers/small_problem.h"

namespace nfopt {
namespace {

using Tensors = std::vector<at::Tensor>;

constexpr double kTolerance = 1e-4;  // float32 on the CPU, relative to the largest update of the tensor

Tensors random_tensors(const WeightSpace& space, const Rng& rng, int64_t members) {
  Tensors list;
  for (const Tensor& tensor : space.tensors()) {
    std::vector<int64_t> shape = {members};
    shape.insert(shape.end(), tensor.shape.begin(), tensor.shape.end());
    at::Tensor t = at::empty(shape);
    fill_normal(t, rng.purpose(tensor.name), 0, 0.5);
    // Rows of different sizes: factored statistics that are not all alike.
    if (tensor.shape.size() > 1) t = t * at::linspace(0.2, 2, tensor.shape.back());
    list.push_back(t);
  }
  return list;
}

NamedTensors strong_theta(const UpdateRule& rule, int64_t members) {
  NamedTensors theta;
  for (const auto& [name, tensor] : random_theta(rule, Rng(1), members)) {
    const bool small = name.starts_with("direction") || name.starts_with("scale") || name == "rate.weight2";
    theta.add(name, (tensor * (small ? 5 : 1)).to(at::kFloat));
  }
  return theta;
}

Tensors doubles(const Tensors& list) {
  Tensors result;
  for (const at::Tensor& t : list) result.push_back(t.to(at::kDouble));
  return result;
}
NamedTensors doubles(const NamedTensors& tensors) {
  NamedTensors result;
  for (const auto& [name, tensor] : tensors) result.add(name, tensor.to(at::kDouble));
  return result;
}

StepContext context_of(int64_t step, int64_t members) {
  StepContext context;
  context.step = step;
  context.total_steps = 50;
  context.loss = at::full({members}, 2.3 / (1.0 + static_cast<double>(step)));
  return context;
}

void expect_close(const at::Tensor& fused, const at::Tensor& truth, const std::string& what) {
  if (truth.numel() == 0) return;
  const double scale = truth.abs().max().item<double>();
  EXPECT_LE((fused.to(at::kDouble) - truth).abs().max().item<double>(), kTolerance * scale) << what;
}

/// Four steps; in each the fused step and ATen in float64 start from the same state.
void expect_agreement(const ContextRule& rule, int64_t members, const std::string& name) {
  const NamedTensors theta = strong_theta(rule, members);
  Tensors params = random_tensors(*rule.space(), Rng(2), members);
  RuleState state = rule.init(params);
  for (int64_t t = 0; t < 4; ++t) {
    const Tensors grads = random_tensors(*rule.space(), Rng(3).index(t), members);
    const StepContext context = context_of(t, members);
    const Update fused = rule.update(theta, params, grads, state, context);
    const Update truth = rule.update_by_aten(doubles(theta), doubles(params), doubles(grads), doubles(state), context);
    for (size_t i = 0; i < params.size(); ++i) {
      expect_close(fused.updates[i], truth.updates[i], name + ", tensor " + std::to_string(i));
      params[i] = params[i] - fused.updates[i];
    }
    for (const auto& [key, tensor] : truth.state) expect_close(fused.state.at(key), tensor, name + ", " + key);
    state = fused.state;
  }
}

TEST(ContextFusedStep, AgreesWithAtenOnEveryDescribedSpace) {
  for (const auto& [name, tensors] : testing::described_spaces())
    expect_agreement(ContextRule({}, std::make_shared<const WeightSpace>(tensors)), 2, name);
}

std::vector<TensorDescription> wide_mlp() {  // large enough to be cut into tiles
  using testing::tensor;
  auto b = tensor("b1", {400}, "[h]");
  b.role = Role::bias;
  return {tensor("w1", {400, 413}, "[h, ~in]"), b, tensor("w2", {10, 400}, "[~out, h]")};
}

TEST(ContextFusedStep, AgreesWithAtenOnALargeNetworkCutIntoTiles) {
  expect_agreement(ContextRule({}, std::make_shared<const WeightSpace>(wide_mlp())), 1, "wide mlp");
}

std::vector<TensorDescription> wide_cnn() {  // the same with kernel axes and a flattened image
  using testing::tensor;
  return {tensor("conv", {96, 160, 3, 3}, "[c, ~rgb, *, *]"), tensor("fc", {10, 384}, "[~out, [c, ~pix]]")};
}

TEST(ContextFusedStep, AgreesWithAtenForOtherDescriptions) {
  ContextDescription narrow, momentum, alone;
  narrow.hidden = 3;
  narrow.progress_centres = {0.5};
  momentum.nominal = ContextNominal::momentum;
  alone.context_gain = 0;
  alone.rate_units = 0;
  alone.momentum_decays = {0, 0.9, 0.99};
  for (const ContextDescription& description : {narrow, momentum, alone})
    expect_agreement(ContextRule(description, small_space()), 2, to_json(description));
}

TEST(ContextFusedStep, InPlaceAndPureStepsAreTheSameBits) {
  const ContextRule rule({}, std::make_shared<const WeightSpace>(wide_mlp()));
  const NamedTensors theta = strong_theta(rule, 2);
  Tensors params = random_tensors(*rule.space(), Rng(2), 2), moved;
  for (const at::Tensor& p : params) moved.push_back(p.clone());
  RuleState state = rule.init(params), own = rule.init(params);
  for (int64_t t = 0; t < 3; ++t) {
    const Tensors grads = random_tensors(*rule.space(), Rng(3).index(t), 2);
    Update update = rule.update(theta, params, grads, state, context_of(t, 2));
    for (size_t i = 0; i < params.size(); ++i) params[i] = params[i] - update.updates[i];
    state = std::move(update.state);
    rule.step_in_place(theta, moved, grads, own, context_of(t, 2));
  }
  for (size_t i = 0; i < params.size(); ++i) EXPECT_TRUE(at::equal(params[i], moved[i])) << i;
  for (const auto& [name, tensor] : state) EXPECT_TRUE(at::equal(tensor, own.at(name))) << name;
}

/// All kernels of the process on one instruction set, for as long as it lives.
struct UseTarget {
  explicit UseTarget(const std::string& name) { cpu::use_simd_target(name); }
  ~UseTarget() { cpu::use_simd_target(""); }
};

TEST(ContextFusedStep, EveryInstructionSetAgreesWithAten) {
  std::vector<testing::DescribedSpace> spaces = testing::described_spaces();
  spaces.push_back({"wide mlp", wide_mlp()});
  spaces.push_back({"wide cnn", wide_cnn()});
  for (const auto& [name, tensors] : spaces) {
    const ContextRule rule({}, std::make_shared<const WeightSpace>(tensors));
    const NamedTensors theta = strong_theta(rule, 2);
    const Tensors params = random_tensors(*rule.space(), Rng(2), 2);
    const Tensors first = random_tensors(*rule.space(), Rng(3), 2), second = random_tensors(*rule.space(), Rng(4), 2);
    // A second step: its accumulators are not all of one gradient.
    const RuleState state = rule.update(theta, params, first, rule.init(params), context_of(0, 2)).state;
    const Update truth =
        rule.update_by_aten(doubles(theta), doubles(params), doubles(second), doubles(state), context_of(1, 2));
    for (const std::string& target : cpu::simd_targets()) {
      const UseTarget use(target);
      ASSERT_EQ(cpu::simd_target(), target);
      const Update fused = rule.update(theta, params, second, state, context_of(1, 2));
      for (size_t i = 0; i < params.size(); ++i)
        expect_close(fused.updates[i], truth.updates[i], target + ", " + name + ", tensor " + std::to_string(i));
      for (const auto& [key, tensor] : truth.state)
        expect_close(fused.state.at(key), tensor, target + ", " + name + ", " + key);
    }
  }
}

/// Three steps in place: parameters, then state.
Tensors after_three_steps(const ContextRule& rule, int64_t members) {
  const NamedTensors theta = strong_theta(rule, members);
  Tensors params = random_tensors(*rule.space(), Rng(2), members);
  RuleState state = rule.init(params);
  for (int64_t t = 0; t < 3; ++t)
    rule.step_in_place(theta, params, random_tensors(*rule.space(), Rng(3).index(t), members), state,
                       context_of(t, members));
  for (const auto& [name, tensor] : state) params.push_back(tensor);
  return params;
}

TEST(ContextFusedStep, TheNumberOfThreadsChangesNoBit) {
  constexpr int64_t kMany = 2000;  // members of the small space: enough that threads share them
  const std::pair<std::vector<TensorDescription>, int64_t> cases[] = {
      {wide_mlp(), 1}, {wide_mlp(), 3}, {wide_cnn(), 1}, {wide_cnn(), 2}, {small_space()->descriptions(), kMany}};
  for (const auto& [tensors, members] : cases) {
    const ContextRule rule({}, std::make_shared<const WeightSpace>(tensors));
    std::optional<Tensors> first;
    for (const size_t threads : {1, 2, 3}) {
      const tbb::global_control control(tbb::global_control::max_allowed_parallelism, threads);
      const Tensors now = after_three_steps(rule, members);
      if (!first) first = now;
      for (size_t i = 0; i < now.size(); ++i)
        EXPECT_TRUE(at::equal(now[i], first->at(i)))
            << tensors.front().name << ", " << members << " members, " << threads << " threads, tensor " << i;
    }
  }
}

TEST(ContextFusedStep, SplittingAPopulationChangesNoBit) {
  for (const auto& tensors : {small_space()->descriptions(), wide_mlp()}) {
    const ContextRule rule({}, std::make_shared<const WeightSpace>(tensors));
    const NamedTensors theta = strong_theta(rule, 3);
    const Tensors params = random_tensors(*rule.space(), Rng(2), 3), grads = random_tensors(*rule.space(), Rng(3), 3);
    const Update all = rule.update(theta, params, grads, rule.init(params), context_of(4, 3));
    for (int64_t p = 0; p < 3; ++p) {
      NamedTensors own;
      for (const auto& [name, tensor] : theta) own.add(name, tensor.narrow(0, p, 1));
      Tensors w, g;
      for (const at::Tensor& t : params) w.push_back(t.narrow(0, p, 1));
      for (const at::Tensor& t : grads) g.push_back(t.narrow(0, p, 1));
      const Update one = rule.update(own, w, g, rule.init(w), context_of(4, 1));
      for (size_t i = 0; i < params.size(); ++i)
        EXPECT_TRUE(at::equal(one.updates[i], all.updates[i].narrow(0, p, 1))) << "member " << p << ", tensor " << i;
      for (const auto& [name, tensor] : one.state)
        EXPECT_TRUE(at::equal(tensor, all.state.at(name).narrow(0, p, 1))) << name;
    }
  }
}

TEST(ContextFusedStep, LeavesItsInputsAlone) {
  const ContextRule rule({}, small_space());
  const NamedTensors theta = strong_theta(rule, 1);
  const Tensors params = random_tensors(*rule.space(), Rng(2), 1), grads = random_tensors(*rule.space(), Rng(3), 1);
  const RuleState state = rule.init(params);
  std::vector<std::pair<at::Tensor, at::Tensor>> copies;
  for (const auto& t : params) copies.emplace_back(t, t.clone());
  for (const auto& t : grads) copies.emplace_back(t, t.clone());
  for (const auto& [name, t] : state) copies.emplace_back(t, t.clone());
  rule.update(theta, params, grads, state, context_of(0, 1));
  for (const auto& [tensor, copy] : copies) EXPECT_TRUE(at::equal(tensor, copy));
}

TEST(ContextFusedStep, ReadsTensorsThatAreNotContiguous) {
  const ContextRule rule({}, small_space());
  const NamedTensors theta = strong_theta(rule, 2);
  const Tensors params = random_tensors(*rule.space(), Rng(2), 2), grads = random_tensors(*rule.space(), Rng(3), 2);
  Tensors strided;
  for (const at::Tensor& g : grads) strided.push_back(at::stack({g, -g}, -1).select(-1, 0));
  const Update plain = rule.update(theta, params, grads, rule.init(params), context_of(0, 2));
  const Update same = rule.update(theta, params, strided, rule.init(params), context_of(0, 2));
  for (size_t i = 0; i < params.size(); ++i) EXPECT_TRUE(at::equal(plain.updates[i], same.updates[i])) << i;
}

TEST(ContextFusedStep, StepsAreDifferentiableWhenSomebodyAsks) {
  const ContextRule rule({}, small_space());
  NamedTensors theta = strong_theta(rule, 1);
  theta.at("direction.bias").requires_grad_();
  const Tensors params = random_tensors(*rule.space(), Rng(2), 1), grads = random_tensors(*rule.space(), Rng(3), 1);
  const Update update = rule.update(theta, params, grads, rule.init(params), context_of(0, 1));
  EXPECT_TRUE(update.updates[0].requires_grad());
}

}  // namespace
}  // namespace nfopt
