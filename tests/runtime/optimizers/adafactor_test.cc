// Second moments in rows and columns, the rules built on them, and update networks whose meta-parameters fit every
// network. Their reference numbers are in tests/golden.

#include <nfopt/nflayers/action/group_action.h>
#include <nfopt/nflayers/action/random_element.h>
#include <nfopt/runtime/optimizers/factored_axes.h>
#include <nfopt/runtime/optimizers/make_update_rule.h>

#include "tests/nflayers/spec/described_spaces.h"
#include "tests/runtime/optimizers/small_problem.h"

namespace nfopt {
namespace {

using testing::described_spaces;

WeightSpacePtr described(const std::string& wanted) {
  for (const auto& [name, tensors] : described_spaces())
    if (name == wanted) return std::make_shared<const WeightSpace>(tensors);
  ADD_FAILURE() << "no described space '" << wanted << "'";
  return nullptr;
}

/// "conv 0,1": the tensor's axes d0, d1; "conv -": not factored.
std::string axes_text(const WeightSpace& space) {
  const auto axes = factored_axes(space);
  std::string text;
  for (size_t i = 0; i < axes.size(); ++i)
    text += space.tensors()[i].name + " " +
            (axes[i] ? std::to_string(axes[i]->d0) + "," + std::to_string(axes[i]->d1) : "-") + "; ";
  return text;
}

TEST(FactoredAxes, AreTheTwoLongestAndOfEqualOnesTheLaterIsLonger) {
  const auto of = [](std::vector<int64_t> shape) {
    TensorDescription t;
    t.name = "w";
    t.shape = shape;
    for (size_t i = 0; i < shape.size(); ++i) t.axes += (i > 0 ? ", l" : "[l") + std::to_string(i);
    t.axes = shape.empty() ? "[]" : t.axes + "]";
    return axes_text(WeightSpace({t}));
  };
  EXPECT_EQ(of({}), "w -; ");
  EXPECT_EQ(of({7}), "w -; ");
  EXPECT_EQ(of({4, 4}), "w 1,0; ");
  EXPECT_EQ(of({6, 3}), "w 0,1; ");
  EXPECT_EQ(of({3, 3, 2, 2}), "w 1,0; ");
  EXPECT_EQ(of({2, 1, 3, 1, 2}), "w 2,4; ");
}

TEST(FactoredAxes, StayAwayFromAxesThatAreNotPermutedByThemselves) {
  EXPECT_EQ(axes_text(*described("grouped_conv")), "producer 0,1; conv -; consumer 1,3; shuffled 1,0; ");
  EXPECT_EQ(axes_text(*described("mixture_of_experts")), "router 1,0; up -; down -; ");
  EXPECT_EQ(axes_text(*described("fused_cross_attention")), "in_proj -; d -; m -; ");
  EXPECT_EQ(axes_text(*described("fused_attention")), "in_proj 0,1; in_proj_bias -; out_proj 0,1; ");
  EXPECT_EQ(axes_text(*described("stacked_experts")).substr(0, 26), "router 1,0; experts.0.up 0");
}

class OnEverySpace : public ::testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(Presets, OnEverySpace,
                         ::testing::Values("nominal", "nominal_mlp", "small_fc", "unf_pool", "deep_set"),
                         [](const auto& info) { return info.param; });

TEST_P(OnEverySpace, TheRuleCommutesWithTheLayerGroup) {
  for (const auto& [name, tensors] : described_spaces()) {
    RuleDescription description = rule_preset(GetParam());
    for (LayerDescription& layer : description.network.layers)  // narrow, to be quick
      for (int64_t* width : {&layer.c_in, &layer.c_out})
        if (*width == 32) *width = 5;
    const LearnedRule rule(description, std::make_shared<const WeightSpace>(tensors));
    const WeightSpace& space = *rule.space();
    const NamedTensors theta = random_theta(rule, Rng(1));
    const std::vector<at::Tensor> params = random_list(rule, Rng(2));
    const auto grads = [&](uint64_t t) { return random_list(rule, Rng(3).index(t)); };
    const GroupElement g = random_layer_element(space, Fold::fixed(), Rng(5));
    // Three steps, so that accumulators are moved as well.
    const auto steps = [&](bool moved) {
      const auto placed = [&](const std::vector<at::Tensor>& list) { return moved ? apply(g, space, list) : list; };
      std::vector<at::Tensor> p = placed(params);
      RuleState state = rule.init(p);
      for (uint64_t t = 0; t < 3; ++t) {
        StepContext context;
        context.step = static_cast<int64_t>(t);
        Update update = rule.update(theta, p, placed(grads(t)), state, context);
        state = std::move(update.state);
        for (size_t i = 0; i < p.size(); ++i) p[i] = p[i] - update.updates[i];
      }
      return p;
    };
    const std::vector<at::Tensor> a = steps(true), b = apply(g, space, steps(false));
    for (size_t i = 0; i < a.size(); ++i)
      EXPECT_LE((a[i] - b[i]).abs().max().item<double>(), 1e-11) << name << ", " << space.tensors()[i].name;  // float64
  }
}

TEST(LearnedRule, MetaParametersOfPoolsAndSetsFitEveryNetwork) {
  for (const char* preset : {"unf_pool", "deep_set", "nominal_mlp", "small_fc"}) {
    const LearnedRule mlp(rule_preset(preset), described("mlp")),
        attention(rule_preset(preset), described("attention"));
    EXPECT_EQ(mlp.theta_shapes(), attention.theta_shapes()) << preset;
  }
  // dense 19-32, 32-32, 32-32, 32-1; dense 19-32-32-32 and two matrices of 32; three scalars each; 190 + 7; 200 + 7.
  const auto count = [](const char* preset) {
    return LearnedRule(rule_preset(preset), small_space()).initial_theta(Rng(1)).numel();
  };
  EXPECT_EQ(count("unf_pool"), 640 + 1056 + 1056 + 33 + 3);
  EXPECT_EQ(count("deep_set"), 640 + 1056 + 1056 + 65 + 3);
  EXPECT_EQ(count("small_fc"), 190 + 7);
  EXPECT_EQ(count("nominal_mlp"), 200 + 7);
}

TEST(Nominal, IsAdamWithSeveralMomentaWhereTheNetworkIsSilent) {
  const LearnedRule rule(rule_preset("nominal"), small_space());
  NamedTensors theta;
  for (const auto& [name, tensor] : rule.initial_theta(Rng(1))) theta.add(name, at::zeros_like(tensor));
  std::vector<at::Tensor> params = random_list(rule, Rng(2));
  RuleState state = rule.init(params);
  std::vector<std::vector<at::Tensor>> momenta(params.size(), std::vector<at::Tensor>(3));
  std::vector<at::Tensor> squares(params.size());
  for (size_t i = 0; i < params.size(); ++i) {
    squares[i] = at::zeros_like(params[i]);
    for (at::Tensor& m : momenta[i]) m = at::zeros_like(params[i]);
  }
  const double decays[] = {0.9, 0.99, 0.999};
  for (int64_t t = 0; t < 5; ++t) {
    const std::vector<at::Tensor> grads = random_list(rule, Rng(3).index(t));
    StepContext context;
    context.step = t;
    Update update = rule.update(theta, params, grads, state, context);
    state = std::move(update.state);
    for (size_t i = 0; i < params.size(); ++i) {
      at::Tensor mean = at::zeros_like(params[i]);
      for (size_t k = 0; k < 3; ++k) {
        momenta[i][k] = decays[k] * momenta[i][k] + (1 - decays[k]) * grads[i];
        mean = mean + momenta[i][k] / 3;
      }
      squares[i] = 0.999 * squares[i] + 0.001 * grads[i].square();
      const at::Tensor expected = 1e-3 * mean / (squares[i] + 1e-6).sqrt();
      EXPECT_LE((update.updates[i] - expected).abs().max().item<double>(), 1e-14);
    }
  }
}

TEST(RuleDescription, NamesWhatAdafactorFeaturesNominalStepsAndPoolsNeed) {
  RuleDescription rule = rule_preset("nominal");
  rule.features.adafactor.reset();
  expect_error([&] { check(rule); }, {"'factored_gradient' needs 'adafactor'", "nominal terms need 'adafactor'"});
  rule = rule_preset("nominal");
  rule.features.momentum_decays = {0.9};
  rule.features.adafactor->decays = {0.9, 1.0};
  rule.step.form = StepForm::residual;
  expect_error([&] { check(rule); }, {"as many factored decays as momenta: there are 2 and 1", "decay 1.0",
                                      "beside the step 'exponential', not 'residual'"});
  rule = rule_preset("unf_pool");
  rule.network.layers[1].c_out = 16;
  rule.network.layers[2].c_in = 16;
  expect_error([&] { check(rule); }, {"layer 1 pools 32 channels into 16"});
  const std::string text = to_json(rule_preset("nominal"));
  expect_error([&] { rule_from_json(std::string(text).replace(text.find("\"rms_epsilon\""), 13, "\"rms_epsilom\"")); },
               {"'features.adafactor.rms_epsilon' is missing"});
  EXPECT_EQ(to_json(rule_preset("unf")).find("adafactor"), std::string::npos)
      << "files of other rules stay as they are";
}

}  // namespace
}  // namespace nfopt
