#include <gtest/gtest.h>
#include <nfopt/nflayers/spec/error.h>
#include <nfopt/runtime/train/finite_check.h>
#include <nfopt/runtime/train/training_optimizer.h>
#include <torch/types.h>

namespace nfopt {
namespace {

WeightSpacePtr small_space() {
  std::vector<TensorDescription> tensors(2);
  tensors[0].name = "w";
  tensors[0].axes = "[h=3, ~in=2]";
  tensors[1].name = "b";
  tensors[1].axes = "[h=3]";
  tensors[1].role = Role::bias;
  return std::make_shared<const WeightSpace>(tensors);
}

// One network whose gradients are a fixed function of parameters and step.
struct Trained {
  // "adam" or, with a schedule, "adam cosine"
  explicit Trained(const std::string& name)
      : Trained(name.substr(0, name.find(' ')), name.find("cosine") != name.npos) {}
  Trained(const std::string& rule, bool cosine)
      : members(Members::zeros(small_space(), 1, at::kDouble)), parameters(parameters_of(members)) {
    config.name = config.rule = rule;
    config.lr = rule == "unf" ? 1.0 : 0.05;
    config.momentum = rule == "sgdm" ? 0.9 : 0.0;
    config.weight_decay = 0.01;
    if (cosine) config.schedule = {LrSchedule::Decay::cosine, 3};
    for (auto& [name, tensor] : parameters) tensor.set_requires_grad(true);
    optimizer = make_training_optimizer(config, members, 100, Rng(3));
  }

  void step(int64_t step) {
    for (auto& [name, tensor] : parameters)
      tensor.mutable_grad() = (tensor.detach() - static_cast<double>(step % 3)).sin() + 0.1;
    optimizer->step(step, at::ones({1}, at::kDouble));
  }

  Members members;
  NamedTensors parameters;
  OptimizerConfig config;
  std::unique_ptr<TrainingOptimizer> optimizer;
};

class EveryOptimizer : public ::testing::TestWithParam<std::string> {};

TEST_P(EveryOptimizer, ContinuesBitForBitFromItsState) {
  Trained whole(GetParam());
  for (int64_t step = 0; step < 12; ++step) whole.step(step);

  Trained first(GetParam());
  for (int64_t step = 0; step < 5; ++step) first.step(step);
  Trained second(GetParam());
  {
    at::NoGradGuard no_grad;
    for (auto& [name, tensor] : second.parameters) tensor.copy_(first.parameters.at(name));
  }
  second.optimizer->load_state(first.optimizer->state());
  for (int64_t step = 5; step < 12; ++step) second.step(step);
  for (const auto& [name, tensor] : whole.parameters) {
    EXPECT_TRUE(at::equal(tensor, second.parameters.at(name))) << name;
    EXPECT_GT(tensor.abs().max().item<double>(), 0) << "nothing moved";
  }
}

TEST_P(EveryOptimizer, SaysWhatItIs) {
  const std::string rule = GetParam().substr(0, GetParam().find(' '));
  EXPECT_EQ(Trained(GetParam()).optimizer->summary().rfind(rule, 0), 0u);
}

TEST(TrainingOptimizer, AScheduleScalesEveryStep) {
  // sgd: p' = p - lr f(t) (g + wd p), so that the steps tell the factors.
  Trained scheduled("sgd cosine");
  for (int64_t step = 0; step < 20; ++step) {
    const at::Tensor before = scheduled.parameters.at("w").detach().clone();
    scheduled.step(step);
    const at::Tensor& gradient = scheduled.parameters.at("w").grad();
    const double rate = 0.05 * lr_factor({LrSchedule::Decay::cosine, 3}, step, 100);
    const at::Tensor expected = before - rate * (gradient + 0.01 * before);
    EXPECT_TRUE(at::allclose(scheduled.parameters.at("w"), expected, 1e-12, 1e-14)) << "step " << step;
  }
}

INSTANTIATE_TEST_SUITE_P(Rules, EveryOptimizer,
                         ::testing::Values("sgd", "sgdm", "adam", "adamw", "unf", "per_parameter_mlp", "adam cosine",
                                           "unf cosine"));

TEST(TrainingOptimizer, RefusesAStateOfAnotherShape) {
  Trained trained("sgdm");
  NamedTensors state;
  state.add("momentum_buffer.w", at::zeros({1, 2, 2}, at::kDouble));
  EXPECT_THROW(trained.optimizer->load_state(state), Error);
}

TEST(FiniteCheck, NamesTheParameterAndHowMuchOfIt) {
  NamedTensors parameters;
  for (const std::string name : {"a", "b"}) {
    at::Tensor tensor = at::ones({4}, at::kFloat);
    tensor.mutable_grad() = at::ones({4}, at::kFloat);
    parameters.add(name, tensor);
  }
  const at::Tensor loss = at::ones({1}, at::kFloat);
  EXPECT_EQ(describe_non_finite(loss, parameters), "");
  parameters.at("b").mutable_grad()[1] = NAN;
  EXPECT_EQ(describe_non_finite(loss, parameters), "'b' has gradients that are not finite (1 of 4).");
  EXPECT_EQ(describe_non_finite(loss * INFINITY, parameters),
            "the loss is infinite; 'b' has gradients that are not finite (1 of 4).");
  parameters.at("a").mutable_grad() = at::full({4}, 3e38f);  // finite, but their sum is not
  parameters.at("b").mutable_grad() = at::Tensor();
  EXPECT_EQ(describe_non_finite(loss, parameters), "");
  EXPECT_EQ(describe_non_finite_parameters(parameters), "");
  parameters.at("a").fill_(INFINITY);
  EXPECT_EQ(describe_non_finite_parameters(parameters), "the update made values of 'a' that are not finite (4 of 4).");
}

}  // namespace
}  // namespace nfopt
