#include <nfopt/nflayers/spec/error.h>
#include <nfopt/runtime/optimizers/rule_presets.h>
#include <nfopt/runtime/train/learned_training_optimizer.h>
#include <torch/torch.h>

namespace nfopt {
namespace {

std::vector<at::Tensor> tensors_of(const NamedTensors& named) {
  std::vector<at::Tensor> tensors;
  for (const auto& [name, tensor] : named) tensors.push_back(tensor);
  return tensors;
}

// What is stored must be what `expected` has, name by name; takes the expected device and type.
NamedTensors fitting(const NamedTensors& stored, const NamedTensors& expected, const std::string& prefix) {
  NamedTensors out;
  for (const auto& [name, tensor] : expected) {
    const at::Tensor& found = stored.at(prefix + name);
    if (found.sizes() != tensor.sizes())
      throw Error("optimizer", "state '" + prefix + name + "' of the checkpoint has another shape than this rule's.");
    out.add(name, found.to(tensor.device(), tensor.scalar_type()).clone());
  }
  return out;
}

}  // namespace

LearnedTrainingOptimizer::LearnedTrainingOptimizer(OptimizerConfig config, const Members& members, int64_t total_steps,
                                                   const Rng& rng)
    : config_(std::move(config)),
      parameters_(parameters_of(members)),
      total_steps_(total_steps),
      rule_(std::make_unique<LearnedRule>(rule_preset(config_.rule), members.space())) {
  const at::TensorOptions options = parameters_.begin()->second.options();
  for (const auto& [name, tensor] : rule_->initial_theta(rng))
    theta_.add(name, tensor.to(options.device(), options.dtype().toScalarType()));
  state_ = rule_->init(tensors_of(parameters_));
}

void LearnedTrainingOptimizer::step(int64_t step, const at::Tensor& loss) {
  torch::NoGradGuard no_grad;
  std::vector<at::Tensor> gradients;
  for (const auto& [name, parameter] : parameters_) gradients.push_back(parameter.grad());
  StepContext context;
  context.step = step;
  context.total_steps = total_steps_;
  context.loss = loss.detach();
  Update update = rule_->update(theta_, tensors_of(parameters_), gradients, state_, context);
  size_t i = 0;
  for (auto& [name, parameter] : parameters_) {
    const bool moves = gradients[i].defined();
    if (moves && config_.weight_decay != 0) parameter.mul_(1 - config_.lr * config_.weight_decay);
    if (moves) parameter.sub_(update.updates[i], config_.lr);
    ++i;
  }
  state_ = std::move(update.state);
}

NamedTensors LearnedTrainingOptimizer::state() const {
  NamedTensors out;
  for (const auto& [name, tensor] : theta_) out.add("theta." + name, tensor);
  for (const auto& [name, tensor] : state_) out.add("state." + name, tensor);
  return out;
}

void LearnedTrainingOptimizer::load_state(const NamedTensors& stored) {
  theta_ = fitting(stored, theta_, "theta.");
  state_ = fitting(stored, state_, "state.");
}

std::string LearnedTrainingOptimizer::summary() const {
  return rule_->name() + "  " + std::to_string(theta_.numel()) + " meta-parameters, " +
         (config_.theta.empty() ? "initial values as published" : "from " + config_.theta) + "  lr " +
         shortest(config_.lr);
}

}  // namespace nfopt
