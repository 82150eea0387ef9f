#include <nfopt/nflayers/spec/error.h>
#include <nfopt/runtime/optimizers/make_update_rule.h>
#include <nfopt/runtime/optimizers/meta_parameters.h>
#include <nfopt/runtime/optimizers/rule_presets.h>
#include <nfopt/runtime/train/learned_training_optimizer.h>
#include <torch/types.h>

namespace nfopt {
namespace {

LoadedRule rule_of(const OptimizerConfig& config, const WeightSpacePtr& space, const Rng& rng) {
  if (config.theta.empty()) {
    const std::shared_ptr<const UpdateRule> rule = make_update_rule(rule_preset(config.rule), space);
    return {rule, rule->initial_theta(rng)};
  }
  LoadedRule loaded = load_rule(config.theta, space);
  if (!config.rule.empty() && loaded.rule->name() != config.rule)
    throw Error("optimizer", "'" + config.theta + "' holds meta-parameters of the rule '" + loaded.rule->name() +
                                 "': expected '" + config.rule + "'. Leave optimizer.rule out to use the file's.");
  return loaded;
}

NamedParameters without_members(const NamedTensors& parameters) {
  NamedParameters views;
  for (const auto& [name, tensor] : parameters) views.emplace_back(name, tensor.detach().select(0, 0));
  return views;
}

}  // namespace

LearnedTrainingOptimizer::LearnedTrainingOptimizer(OptimizerConfig config, const Members& members, int64_t total_steps,
                                                   const Rng& rng)
    : config_(std::move(config)),
      total_steps_(total_steps),
      parameters_(parameters_of(members)),
      views_(without_members(parameters_)) {
  LoadedRule loaded = rule_of(config_, members.space(), rng);
  // The trainer looks for numbers that are not finite itself, for every optimizer alike.
  const LearnedOptimizerOptions options = LearnedOptimizerOptions(config_.lr)
                                              .weight_decay(config_.weight_decay)
                                              .total_steps(total_steps)
                                              .non_finite(NonFinite::ignore);
  optimizer_ = std::make_unique<LearnedOptimizer>(views_, loaded.rule, std::move(loaded.theta), options);
}

void LearnedTrainingOptimizer::step(int64_t step, const at::Tensor& loss) {
  if (config_.schedule.varies())
    for (auto& group : optimizer_->param_groups())
      group.options().set_lr(config_.lr * lr_factor(config_.schedule, step, total_steps_));
  size_t i = 0;
  for (const auto& [name, parameter] : parameters_) {
    const at::Tensor& gradient = parameter.grad();
    views_[i++].second.mutable_grad() = gradient.defined() ? gradient.select(0, 0) : at::Tensor();
  }
  optimizer_->step([&] { return loss.detach().sum(); });  // for rules that read the loss
}

NamedTensors LearnedTrainingOptimizer::state() const { return optimizer_->state(); }

void LearnedTrainingOptimizer::load_state(const NamedTensors& state) { optimizer_->load_state(state); }

std::string LearnedTrainingOptimizer::summary() const {
  return optimizer_->rule().name() + "  " + std::to_string(optimizer_->theta().numel()) + " meta-parameters, " +
         (config_.theta.empty() ? "initial values as published" : "from " + config_.theta) + "  lr " +
         shortest(config_.lr);
}

}  // namespace nfopt
