#include <nfopt/nflayers/kernels/cpu/simd_target.h>
#include <tbb/global_control.h>

#include "tests/nflayers/plan/numbered_spaces.h"
#include "tests/runtime/optimizers/small_problem.h"

namespace nfopt {
namespace {

using Tensors = std::vector<at::Tensor>;

TensorDescription tensor(const char* name, std::vector<int64_t> shape, const char* axes) {
  TensorDescription result;
  result.name = name;
  result.shape = std::move(shape);
  result.axes = axes;
  return result;
}

WeightSpacePtr space(std::vector<TensorDescription> tensors) {
  return std::make_shared<const WeightSpace>(std::move(tensors));
}
WeightSpacePtr space(WeightSpace space) { return std::make_shared<const WeightSpace>(std::move(space)); }

struct NamedSpace {
  const char* name;
  WeightSpacePtr (*make)();
};

const NamedSpace kSpaces[] = {
    {"mlp",
     [] {
       return space(testing::dense_chain({13, 50, 7, 3}));
     }},
    {"cnn",
     [] {
       return space({tensor("conv1", {6, 3, 3, 3}, "[c1, ~rgb, *, *]"), tensor("bias1", {6}, "[c1]"),
                     tensor("conv2", {10, 6, 3, 3}, "[c2, c1, *, *]"), tensor("bias2", {10}, "[c2]"),
                     tensor("mix", {10, 6}, "[c2, c1]"), tensor("fc", {4, 40}, "[~cls, [c2, ~pix]]"),
                     tensor("scale", {}, "[]")});
     }},
    {"cnn_with_permuted_kernel_axes",
     [] {
       return space(testing::numbered({{"conv1", {0, 1, 2, 3}, {3, 3, 4, 5}},
                                       {"conv2", {-7, 4, 3, 5}, {2, 3, 5, 6}},
                                       {"b", {3}, {5}},
                                       {"fc", {5, 6}, {6, 3}}}));
     }},
    {"lstm",
     [] {
       return space({tensor("ih", {28, 5}, "[[*4, f], ~in]"), tensor("hh", {28, 7}, "[[*4, f], f]"),
                     tensor("bias", {28}, "[[*4, f]]"), tensor("out", {3, 7}, "[~cls, f]")});
     }},
    {"transformer",
     [] {
       return space({tensor("wte", {11, 12}, "[~voc, d]"), tensor("wpe", {5, 12}, "[~pos, d]"),
                     tensor("in_proj", {24, 12}, "[[h=4, k@h=2]|[h, k@h]|[h, v@h=2], d]"),
                     tensor("in_bias", {24}, "[[h, k@h]|[h, k@h]|[h, v@h]]"), tensor("out", {12, 8}, "[d, [h, v@h]]"),
                     tensor("norm", {12}, "[d]"), tensor("up", {20, 12}, "[f, d]"),
                     tensor("down", {12, 20}, "[d, f]")});
     }},
    {"published_transformer", [] { return space(testing::published_transformer(9, 6, 8)); }},
    {"axes_of_one_label",
     [] {
       return space(testing::numbered({{"cube", {0, 0, 0}, {5, 5, 5}},
                                       {"square", {0, 0}, {5, 5}},
                                       {"row", {0, 1}, {5, 4}},
                                       {"scalar", {}, {}},
                                       {"b", {0}, {5}}}));
     }},
    {"larger_than_a_chunk",
     [] {
       return space(testing::dense_chain({70, 150, 90}));
     }},
};

/// The rule's small multiplier of f would hide the network.
NamedTensors loud_theta(const LearnedRule& rule, const Rng& rng, int64_t members) {
  NamedTensors theta = random_theta(rule, rng, members);
  if (at::Tensor* out_mult = const_cast<at::Tensor*>(theta.find("out_mult"))) out_mult->add_(std::log(1e3));
  return theta;
}

NamedTensors to(const NamedTensors& tensors, at::ScalarType type) {
  NamedTensors result;
  for (const auto& [name, t] : tensors) result.add(name, t.to(type));
  return result;
}
Tensors to(const Tensors& tensors, at::ScalarType type) {
  Tensors result;
  for (const at::Tensor& t : tensors) result.push_back(t.to(type).clone());
  return result;
}
NamedTensors member_of(const NamedTensors& tensors, int64_t p) {
  NamedTensors result;
  for (const auto& [name, t] : tensors) result.add(name, t.size(0) == 1 ? t : t.narrow(0, p, 1).clone());
  return result;
}
Tensors member_of(const Tensors& tensors, int64_t p) {
  Tensors result;
  for (const at::Tensor& t : tensors) result.push_back(t.narrow(0, p, 1).clone());
  return result;
}

void expect_near(const at::Tensor& a, const at::Tensor& b, double relative, const std::string& what) {
  const at::Tensor wide = b.to(at::kDouble);
  const double scale = std::max(1e-3, wide.abs().max().item<double>());
  EXPECT_LE((a.to(at::kDouble) - wide).abs().max().item<double>(), relative * scale) << what;
}
void expect_bits(const at::Tensor& a, const at::Tensor& b, const std::string& what) {
  EXPECT_TRUE(at::equal(a, b)) << what << ": largest difference " << (a - b).abs().max().item<double>();
}

double tolerance(at::ScalarType type) { return type == at::kFloat ? 2e-4 : 1e-10; }

/// Three steps: parameters and state after them.
struct Outcome {
  Tensors params;
  RuleState state;
};
enum class Path { fused, in_place, aten };

Outcome run(const LearnedRule& rule, const NamedTensors& theta, const Tensors& start, at::ScalarType type, Path path,
            const std::vector<int64_t>& member_steps = {}) {
  const torch::NoGradGuard no_grad;
  Outcome result{to(start, type), {}};
  result.state = rule.init(result.params);
  const NamedTensors own = to(theta, type);
  for (int64_t t = 0; t < 3; ++t) {
    StepContext context;
    context.step = t;
    for (const int64_t first : member_steps) context.member_steps.push_back(first + t);
    Tensors grads;
    for (size_t i = 0; i < start.size(); ++i) grads.push_back((start[i] * (t + 1)).sin().mul_(0.3).to(type));
    if (path == Path::in_place) {
      rule.step_in_place(own, result.params, grads, result.state, context);
      continue;
    }
    Update update = path == Path::fused ? rule.update(own, result.params, grads, result.state, context)
                                        : rule.update_with_aten(own, result.params, grads, result.state, context);
    for (size_t i = 0; i < grads.size(); ++i) result.params[i].sub_(update.updates[i]);
    result.state = std::move(update.state);
  }
  return result;
}

void expect_near(const Outcome& a, const Outcome& b, double relative) {
  for (size_t i = 0; i < a.params.size(); ++i)
    expect_near(a.params[i], b.params[i], relative, "parameter " + std::to_string(i));
  for (const auto& [name, tensor] : a.state) expect_near(tensor, b.state.at(name), relative, name);
}
void expect_bits(const Outcome& a, const Outcome& b) {
  for (size_t i = 0; i < a.params.size(); ++i) expect_bits(a.params[i], b.params[i], "parameter " + std::to_string(i));
  for (const auto& [name, tensor] : a.state) expect_bits(tensor, b.state.at(name), name);
}

class EverySpace : public ::testing::TestWithParam<NamedSpace> {};
INSTANTIATE_TEST_SUITE_P(Spaces, EverySpace, ::testing::ValuesIn(kSpaces),
                         [](const auto& info) { return info.param.name; });

TEST_P(EverySpace, FusedAgreesWithAten) {
  for (const char* preset : {"unf", "per_parameter_mlp", "mlplopt"}) {
    const LearnedRule rule(rule_preset(preset), GetParam().make());
    ASSERT_TRUE(rule.is_fused()) << preset;
    for (const int64_t members : {1, 3}) {
      const NamedTensors theta = loud_theta(rule, Rng(1), members);
      const Tensors start = random_list(rule, Rng(2), members);
      const Outcome reference = run(rule, theta, start, at::kDouble, Path::aten);
      for (const at::ScalarType type : {at::kDouble, at::kFloat}) {
        SCOPED_TRACE(std::string(preset) + ", " + std::to_string(members) + " members, " + c10::toString(type));
        const Outcome fused = run(rule, theta, start, type, Path::fused);
        expect_near(fused, reference, tolerance(type));
        expect_near(run(rule, theta, start, type, Path::in_place), fused, tolerance(type));
      }
    }
  }
}

TEST_P(EverySpace, EveryInstructionSetAgrees) {
  const LearnedRule rule(rule_preset("unf"), GetParam().make());
  const NamedTensors theta = loud_theta(rule, Rng(1), 1);
  const Tensors start = random_list(rule, Rng(2));
  const Outcome best = run(rule, theta, start, at::kDouble, Path::fused);
  for (const std::string& target : cpu::simd_targets()) {
    SCOPED_TRACE(target);
    cpu::use_simd_target(target);
    ASSERT_EQ(cpu::simd_target(), target);
    for (const at::ScalarType type : {at::kDouble, at::kFloat})
      expect_near(run(rule, theta, start, type, Path::fused), best, tolerance(type));
  }
  cpu::use_simd_target("");
  expect_error([] { cpu::use_simd_target("AVX9"); }, {"AVX9", cpu::simd_target().c_str()});
}

TEST_P(EverySpace, SplittingAPopulationChangesNoBit) {
  const LearnedRule rule(rule_preset("unf"), GetParam().make());
  const std::vector<int64_t> steps = {0, 900, 17, 3, 40000};
  for (const int64_t thetas : {5, 1}) {
    const NamedTensors theta = loud_theta(rule, Rng(1), thetas);
    const Tensors start = random_list(rule, Rng(2), 5);
    const Outcome all = run(rule, theta, start, at::kFloat, Path::in_place, steps);
    expect_near(all, run(rule, theta, start, at::kDouble, Path::aten, steps), tolerance(at::kFloat));
    for (int64_t p = 0; p < 5; ++p) {
      const Outcome one = run(rule, member_of(theta, p), member_of(start, p), at::kFloat, Path::in_place, {steps[p]});
      expect_bits(one, {member_of(all.params, p), member_of(all.state, p)});
    }
  }
}

TEST_P(EverySpace, TheNumberOfThreadsChangesNoBit) {
  const LearnedRule rule(rule_preset("unf"), GetParam().make());
  for (const int64_t members : {1, 6}) {
    const NamedTensors theta = loud_theta(rule, Rng(1), members);
    const Tensors start = random_list(rule, Rng(2), members);
    std::optional<Outcome> first;
    for (const size_t threads : {1, 2, 3}) {
      const tbb::global_control control(tbb::global_control::max_allowed_parallelism, threads);
      const Outcome now = run(rule, theta, start, at::kFloat, Path::fused);
      if (first) expect_bits(now, *first);
      if (!first) first = now;
    }
  }
}

// Momenta of units that are dead fade into denormals, where every operation takes a hundred times as long.
TEST(FusedRule, DenormalsAreFlushedOnEveryThreadWhereTheCallerFlushesThem) {
  const LearnedRule rule(rule_preset("unf"), kSpaces[1].make());
  constexpr int64_t kMembers = 500;
  const NamedTensors theta = random_theta(rule, Rng(1));
  const at::Tensor space_of_one = rule.init(random_list(rule, Rng(2))).at("momenta");
  ASSERT_GT(space_of_one.size(-1) * kMembers, 12288) << "too little for tasks";
  at::globalContext().setFlushDenormal(true);
  for (const size_t threads : {1, 3}) {
    const tbb::global_control control(tbb::global_control::max_allowed_parallelism, threads);
    Tensors params = random_list(rule, Rng(2), kMembers), grads;
    for (at::Tensor& p : params) p = p.to(at::kFloat);
    for (const at::Tensor& p : params) grads.push_back(at::full_like(p, 1.2e-38));  // a tenth of it is denormal
    RuleState state = rule.init(params);
    rule.step_in_place(theta, params, grads, state, {});
    const at::Tensor momenta = state.at("momenta");
    EXPECT_EQ(momenta.ne(0).logical_and(momenta.abs() < 1.17e-38).sum().item<int64_t>(), 0) << threads << " threads";
  }
  at::globalContext().setFlushDenormal(false);
}

RuleDescription unf_with(StepForm form) {
  RuleDescription rule = rule_preset("unf");
  rule.step.form = form;
  rule.step.out_mult = 1;
  rule.step.exp_mult = 0.5;
  if (form == StepForm::exponential) rule.network.layers.back().c_out = 2;
  return rule;
}

TEST(FusedRule, EveryStepFormAgreesWithAten) {
  for (const StepForm form : {StepForm::residual, StepForm::exponential, StepForm::scaled_gradient}) {
    const LearnedRule rule(unf_with(form), kSpaces[1].make());
    ASSERT_TRUE(rule.is_fused());
    const NamedTensors theta = random_theta(rule, Rng(1));
    const Tensors start = random_list(rule, Rng(2));
    const Outcome reference = run(rule, theta, start, at::kDouble, Path::aten);
    for (const at::ScalarType type : {at::kDouble, at::kFloat})
      expect_near(run(rule, theta, start, type, Path::in_place), reference, tolerance(type));
  }
}

TEST(FusedRule, AnyWidthAndDepthAgreesWithAten) {
  for (const std::vector<int64_t>& widths : {std::vector<int64_t>{19, 5}, {19, 40, 24}, {19, 8, 70, 3, 33}}) {
    RuleDescription description = rule_preset("unf");
    description.network.layers.clear();
    for (size_t k = 0; k + 1 < widths.size(); ++k)
      description.network.layers.push_back({LayerType::dense, widths[k], widths[k + 1], true, false});
    description.network.layers.push_back({LayerType::unf, widths.back(), 1, false, false});
    const LearnedRule rule(description, kSpaces[1].make());
    ASSERT_TRUE(rule.is_fused());
    const NamedTensors theta = loud_theta(rule, Rng(1), 1);
    const Tensors start = random_list(rule, Rng(2));
    const Outcome reference = run(rule, theta, start, at::kDouble, Path::aten);
    for (const at::ScalarType type : {at::kDouble, at::kFloat})
      expect_near(run(rule, theta, start, type, Path::fused), reference, tolerance(type));
  }
}

// Hidden channels that are 0 in a whole tile are left out of the next layer's products.
TEST(FusedRule, LayersThatAreDeadInPartOrWhollyAgreeWithAten) {
  const LearnedRule rule(rule_preset("unf"), kSpaces[0].make());
  const Tensors start = random_list(rule, Rng(2));
  for (const char* layer : {"L0.b", "L1.b"}) {
    for (const int64_t alive : {5, 0}) {
      NamedTensors theta = loud_theta(rule, Rng(1), 1);
      const_cast<at::Tensor*>(theta.find(layer))->slice(-1, alive).fill_(-1e4);
      const Outcome reference = run(rule, theta, start, at::kDouble, Path::aten);
      for (const std::string& target : cpu::simd_targets()) {
        SCOPED_TRACE(std::string(layer) + ", " + std::to_string(alive) + " alive, " + target);
        cpu::use_simd_target(target);
        for (const at::ScalarType type : {at::kDouble, at::kFloat})
          expect_near(run(rule, theta, start, type, Path::fused), reference, tolerance(type));
      }
      cpu::use_simd_target("");
    }
  }
}

// 0 times a weight that is not finite is NaN, also where the 0 is left out.
TEST(FusedRule, NoDeadChannelHidesAWeightThatIsNotFinite) {
  const LearnedRule rule(rule_preset("unf"), kSpaces[0].make());
  const Tensors start = random_list(rule, Rng(2));
  for (const double weight : {std::nan(""), HUGE_VAL}) {
    NamedTensors theta = loud_theta(rule, Rng(1), 1);
    const_cast<at::Tensor*>(theta.find("L0.b"))->fill_(-1e4);
    const_cast<at::Tensor*>(theta.find("L1.w"))->select(-2, 3).fill_(weight);
    for (const Path path : {Path::aten, Path::fused})
      EXPECT_TRUE(run(rule, theta, start, at::kFloat, path).params[0].isnan().all().item<bool>()) << weight;
  }
}

TEST(FusedRule, RulesWithoutAPathAreNotFused) {
  for (const char* preset : {"unf_full", "lolv2", "sgdcontrol", "rmsnormed"})
    EXPECT_FALSE(LearnedRule(rule_preset(preset), small_space()).is_fused()) << preset;
}

// What only the other path can do still works: strides, missing gradients, derivatives.
TEST(FusedRule, FallsBackCleanly) {
  const LearnedRule rule(rule_preset("unf"), small_space());
  const NamedTensors theta = loud_theta(rule, Rng(1), 1);
  const Tensors start = random_list(rule, Rng(2));
  const Tensors grads = random_list(rule, Rng(3));
  Tensors strided = start;
  strided[0] = start[0].transpose(1, 2).contiguous().transpose(1, 2);
  RuleState state = rule.init(start), other = rule.init(start);
  Tensors plain = to(start, at::kDouble);
  rule.step_in_place(theta, plain, grads, state, {});
  rule.step_in_place(theta, strided, grads, other, {});
  expect_near(strided[0], plain[0], 1e-12, "strided");

  NamedTensors leaves = to(theta, at::kDouble);
  for (auto& [name, t] : leaves) t.requires_grad_();
  EXPECT_TRUE(rule.update(leaves, start, grads, rule.init(start), {}).updates[0].requires_grad());
}

TEST(FusedRule, StateOfAnotherNetworkIsListed) {
  const LearnedRule rule(rule_preset("unf"), small_space());
  const Tensors start = random_list(rule, Rng(2));
  RuleState state;
  state.add("momenta", at::zeros({1, 6, 4}, at::kDouble));
  state.add("step_momentum", at::zeros({1, 1, 7}, at::kDouble));
  expect_error([&] { rule.step_in_place(rule.initial_theta(Rng(1)), start, start, state, {}); },
               {"'momenta': expected [1, 6, 39]", "'step_momentum'"});
}

}  // namespace
}  // namespace nfopt
