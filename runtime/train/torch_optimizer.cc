#include <nfopt/nflayers/spec/error.h>
#include <nfopt/runtime/train/torch_optimizer.h>
#include <torch/optim.h>

#include <functional>

namespace nfopt {
namespace {

using torch::optim::AdamParamState;
using torch::optim::AdamWParamState;
using torch::optim::SGDParamState;

std::vector<at::Tensor> tensors_of(const NamedTensors& parameters) {
  std::vector<at::Tensor> tensors;
  for (const auto& [name, tensor] : parameters) tensors.push_back(tensor);
  return tensors;
}

std::unique_ptr<torch::optim::Optimizer> make(const OptimizerConfig& config, std::vector<at::Tensor> parameters) {
  namespace optim = torch::optim;
  if (config.rule == "adam")
    return std::make_unique<optim::Adam>(std::move(parameters), optim::AdamOptions(config.lr)
                                                                    .betas({config.beta1, config.beta2})
                                                                    .eps(config.epsilon)
                                                                    .weight_decay(config.weight_decay));
  if (config.rule == "adamw")
    return std::make_unique<optim::AdamW>(std::move(parameters), optim::AdamWOptions(config.lr)
                                                                     .betas({config.beta1, config.beta2})
                                                                     .eps(config.epsilon)
                                                                     .weight_decay(config.weight_decay));
  return std::make_unique<optim::SGD>(std::move(parameters), optim::SGDOptions(config.lr)
                                                                 .momentum(config.momentum)
                                                                 .dampening(config.dampening)
                                                                 .nesterov(config.nesterov)
                                                                 .weight_decay(config.weight_decay));
}

at::Tensor like(const at::Tensor& stored, const at::Tensor& parameter, const std::string& name) {
  if (stored.sizes() != parameter.sizes())
    throw Error("optimizer", "state '" + name + "' does not have the shape of its parameter.");
  return stored.to(parameter.device(), parameter.scalar_type()).clone();
}

// Adam's and AdamW's states have the same fields without a common base.
template <class State>
void save_adam(NamedTensors& out, const torch::optim::OptimizerParamState& base, const std::string& name) {
  const auto& state = static_cast<const State&>(base);
  out.add("step." + name, at::full({1}, state.step(), at::kLong));
  out.add("exp_avg." + name, state.exp_avg());
  out.add("exp_avg_sq." + name, state.exp_avg_sq());
}

template <class State>
std::unique_ptr<torch::optim::OptimizerParamState> load_adam(const NamedTensors& in, const std::string& name,
                                                             const at::Tensor& parameter) {
  if (in.find("step." + name) == nullptr) return nullptr;
  auto state = std::make_unique<State>();
  state->step(in.at("step." + name).template item<int64_t>());
  state->exp_avg(like(in.at("exp_avg." + name), parameter, "exp_avg." + name));
  state->exp_avg_sq(like(in.at("exp_avg_sq." + name), parameter, "exp_avg_sq." + name));
  return state;
}

}  // namespace

TorchOptimizer::TorchOptimizer(OptimizerConfig config, NamedTensors parameters, int64_t total_steps)
    : config_(std::move(config)),
      parameters_(std::move(parameters)),
      total_steps_(total_steps),
      optimizer_(make(config_, tensors_of(parameters_))) {}

TorchOptimizer::~TorchOptimizer() = default;

void TorchOptimizer::step(int64_t step, const at::Tensor&) {
  if (config_.schedule.varies())
    for (auto& group : optimizer_->param_groups())
      group.options().set_lr(config_.lr * lr_factor(config_.schedule, step, total_steps_));
  optimizer_->step();
}

NamedTensors TorchOptimizer::state() const {
  NamedTensors out;
  for (const auto& [name, parameter] : parameters_) {
    const auto found = optimizer_->state().find(parameter.unsafeGetTensorImpl());
    if (found == optimizer_->state().end()) continue;
    if (config_.rule == "adam") {
      save_adam<AdamParamState>(out, *found->second, name);
    } else if (config_.rule == "adamw") {
      save_adam<AdamWParamState>(out, *found->second, name);
    } else {
      const at::Tensor& buffer = static_cast<const SGDParamState&>(*found->second).momentum_buffer();
      if (buffer.defined()) out.add("momentum_buffer." + name, buffer);
    }
  }
  return out;
}

void TorchOptimizer::load_state(const NamedTensors& state) {
  optimizer_->state().clear();
  for (const auto& [name, parameter] : parameters_) {
    std::unique_ptr<torch::optim::OptimizerParamState> loaded;
    if (config_.rule == "adam") {
      loaded = load_adam<AdamParamState>(state, name, parameter);
    } else if (config_.rule == "adamw") {
      loaded = load_adam<AdamWParamState>(state, name, parameter);
    } else if (const at::Tensor* buffer = state.find("momentum_buffer." + name)) {
      auto sgd = std::make_unique<SGDParamState>();
      sgd->momentum_buffer(like(*buffer, parameter, "momentum_buffer." + name));
      loaded = std::move(sgd);
    }
    if (loaded != nullptr) optimizer_->state()[parameter.unsafeGetTensorImpl()] = std::move(loaded);
  }
}

std::string TorchOptimizer::summary() const {
  std::string text = config_.rule + "  lr " + shortest(config_.lr);
  if (config_.rule == "sgdm") text += "  momentum " + shortest(config_.momentum);
  if (config_.rule == "sgdm" && config_.dampening != 0) text += "  dampening " + shortest(config_.dampening);
  if (config_.nesterov) text += "  nesterov";
  if (config_.rule.starts_with("adam")) text += "  betas " + shortest(config_.beta1) + " " + shortest(config_.beta2);
  if (config_.schedule.decay == LrSchedule::Decay::cosine) text += "  cosine";
  if (config_.schedule.warmup > 0) text += "  warm-up " + std::to_string(config_.schedule.warmup);
  if (config_.weight_decay != 0) text += "  weight decay " + shortest(config_.weight_decay);
  return text;
}

}  // namespace nfopt
