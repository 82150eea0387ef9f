// Where nobody looks at the updates, the adapter lets the rule write into parameters and state: the same bits, sooner.

#include <nfopt/runtime/optimizers/learned_optimizer.h>
#include <nfopt/runtime/optimizers/make_update_rule.h>

#include <functional>

#include "tests/runtime/optimizers/small_problem.h"

namespace nfopt {
namespace {

/// Passes everything on and counts which way the steps go.
class CountingRule final : public UpdateRule {
 public:
  explicit CountingRule(std::shared_ptr<const UpdateRule> rule) : rule_(std::move(rule)) {}

  std::string name() const override { return rule_->name(); }
  const WeightSpacePtr& space() const override { return rule_->space(); }
  NamedTensors initial_theta(const Rng& rng) const override { return rule_->initial_theta(rng); }
  std::vector<std::pair<std::string, std::vector<int64_t>>> theta_shapes() const override {
    return rule_->theta_shapes();
  }
  RuleState init(const std::vector<at::Tensor>& params) const override { return rule_->init(params); }
  std::string describe() const override { return rule_->describe(); }
  Update update(const NamedTensors& theta, const std::vector<at::Tensor>& params, const std::vector<at::Tensor>& grads,
                const RuleState& state, const StepContext& context) const override {
    ++updates;
    return rule_->update(theta, params, grads, state, context);
  }
  void step_in_place(const NamedTensors& theta, const std::vector<at::Tensor>& params,
                     const std::vector<at::Tensor>& grads, RuleState& state,
                     const StepContext& context) const override {
    ++in_place;
    rule_->step_in_place(theta, params, grads, state, context);
  }

  mutable int64_t updates = 0, in_place = 0;

 private:
  std::shared_ptr<const UpdateRule> rule_;
};

/// Parameters of small_space() with room for gradients.
NamedParameters fresh_parameters(at::ScalarType type = at::kFloat) {
  NamedParameters parameters;
  const WeightSpacePtr space = small_space();
  for (const Tensor& tensor : space->tensors()) {
    at::Tensor p = at::empty(tensor.shape, at::kDouble);
    fill_normal(p, Rng(2).purpose(tensor.name), 0, 0.5);
    parameters.emplace_back(tensor.name, p.to(type).requires_grad_());
  }
  return parameters;
}

void set_gradients(const NamedParameters& parameters, int64_t step) {
  for (const auto& [name, p] : parameters) {
    at::Tensor g = at::empty(p.sizes(), at::kDouble);
    fill_normal(g, Rng(3).purpose(name).index(static_cast<uint64_t>(step)), 0, 0.3);
    p.mutable_grad() = g.to(p.scalar_type());
  }
}

LearnedOptimizerOptions unlooked_at() {
  return LearnedOptimizerOptions().total_steps(20).non_finite(NonFinite::ignore);
}

/// A few steps with a loss; parameters and the optimizer's whole state afterwards.
NamedTensors run(const std::string& preset, LearnedOptimizerOptions options, at::ScalarType type) {
  const auto rule = make_update_rule(rule_preset(preset), small_space());
  const NamedParameters parameters = fresh_parameters(type);
  LearnedOptimizer optimizer(parameters, rule, random_theta(*rule, Rng(1)), std::move(options));
  for (int64_t step = 0; step < 6; ++step) {
    set_gradients(parameters, step);
    optimizer.step([&] { return at::scalar_tensor(2.3 / static_cast<double>(step + 1)); });
  }
  NamedTensors all = optimizer.state();
  for (const auto& [name, p] : parameters) all.add("parameter." + name, p.detach().clone());
  return all;
}

TEST(LearnedOptimizerInPlace, HasTheBitsOfUpdatesThatAreLookedAt) {
  for (const std::string& preset : rule_preset_names())
    for (const at::ScalarType type : {at::kFloat, at::kDouble}) {
      SCOPED_TRACE(preset + ", " + c10::toString(type));
      const NamedTensors direct = run(preset, unlooked_at(), type);
      const NamedTensors checked = run(preset, unlooked_at().non_finite(NonFinite::stop), type);
      for (const auto& [name, tensor] : checked) EXPECT_TRUE(at::equal(tensor, direct.at(name))) << name;
    }
}

TEST(LearnedOptimizerInPlace, IsTakenWhereUpdatesReachParametersAsTheyAre) {
  using Options = LearnedOptimizerOptions;
  const auto expect_path = [](const char* what, Options options, int64_t in_place,
                              const std::function<void(NamedParameters&)>& change = {},
                              at::ScalarType type = at::kFloat) {
    SCOPED_TRACE(what);
    const auto rule = std::make_shared<const CountingRule>(make_update_rule(rule_preset("context"), small_space()));
    NamedParameters parameters = fresh_parameters(type);
    LearnedOptimizer optimizer(parameters, rule, rule->initial_theta(Rng(1)), std::move(options));
    set_gradients(parameters, 0);
    if (change) change(parameters);
    const at::Tensor before = parameters.front().second.detach().clone();
    const int64_t version = parameters.front().second._version();
    optimizer.step();
    EXPECT_EQ(rule->in_place, in_place);
    EXPECT_EQ(rule->updates, 1 - in_place);
    EXPECT_EQ(optimizer.steps(), 1);
    EXPECT_FALSE(at::equal(parameters.front().second, before));
    EXPECT_GT(parameters.front().second._version(), version) << "autograd must notice";
  };
  expect_path("as `nfopt train` does", unlooked_at(), 1);
  expect_path("updates are checked", unlooked_at().non_finite(NonFinite::stop), 0);
  expect_path("steps may be skipped", unlooked_at().non_finite(NonFinite::skip), 0);
  expect_path("their norm is bounded", unlooked_at().max_update_norm(1.0), 0);
  expect_path("a rate", Options(0.5).non_finite(NonFinite::ignore), 0);
  expect_path("a decay", unlooked_at().weight_decay(0.1), 0);
  expect_path("a missing gradient", unlooked_at(), 0, [](auto& p) { p[1].second.mutable_grad() = at::Tensor(); });
  expect_path("another type", unlooked_at(), 0, {}, at::kBFloat16);
}

TEST(LearnedOptimizerInPlace, UncoveredParametersStillGoToTheFallback) {
  const auto rule = std::make_shared<const CountingRule>(make_update_rule(rule_preset("context"), small_space()));
  NamedParameters parameters = fresh_parameters();
  parameters.emplace_back("extra", at::ones({2}).requires_grad_());
  LearnedOptimizer optimizer(parameters, rule, rule->initial_theta(Rng(1)), unlooked_at().fallback(FallbackOptions()));
  set_gradients(parameters, 0);
  optimizer.step();
  EXPECT_EQ(rule->in_place, 1);
  EXPECT_FALSE(at::equal(parameters.back().second, at::ones({2})));
}

TEST(LearnedOptimizerInPlace, StepsWithTheThetaThatWasLoaded) {
  const auto rule = make_update_rule(rule_preset("unf"), small_space());
  const NamedTensors theta[] = {random_theta(*rule, Rng(1)), random_theta(*rule, Rng(2))};
  const NamedParameters parameters[] = {fresh_parameters(), fresh_parameters()};
  LearnedOptimizer first(parameters[0], rule, theta[0], unlooked_at()),
      other(parameters[1], rule, theta[1], unlooked_at());
  const NamedTensors start = other.state();
  for (const NamedParameters& own : parameters) set_gradients(own, 0);
  first.step();  // has made itself ready for its own theta
  for (size_t i = 0; i < parameters[0].size(); ++i) parameters[0][i].second.detach().copy_(parameters[1][i].second);
  first.load_state(start);
  first.step();
  other.step();
  for (size_t i = 0; i < parameters[0].size(); ++i)
    EXPECT_TRUE(at::equal(parameters[0][i].second, parameters[1][i].second)) << parameters[0][i].first;
}

}  // namespace
}  // namespace nfopt
