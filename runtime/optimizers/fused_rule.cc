#include <nfopt/runtime/optimizers/fused_rule.h>
#include <nfopt/runtime/optimizers/time_features.h>
#include <torch/types.h>

#include <algorithm>
#include <cmath>

namespace nfopt {
namespace {

// Hidden channels of a tile must stay in the first-level cache.
constexpr int64_t kMostChannels = 256;

bool fits(const FeatureDescription& features) {
  const auto count = [&](FeatureInput input) {
    return std::count(features.inputs.begin(), features.inputs.end(), input);
  };
  return count(FeatureInput::momenta) == 1 && count(FeatureInput::parameter) <= 1 &&
         count(FeatureInput::gradient) <= 1 && count(FeatureInput::normalized_momenta) == 0 &&
         features.normalization != Normalization::standardized;
}

bool fits(const NetworkDescription& network) {
  if (network.layers.size() < 2) return false;
  for (const LayerDescription& layer : network.layers) {
    const bool last = &layer == &network.layers.back();
    if (layer.position_embedding || layer.relu == last || layer.c_in > kMostChannels) return false;
    if (layer.type != LayerType::dense && !(last && layer.type == LayerType::unf)) return false;
  }
  return true;
}

bool fits(const StepDescription& step, int64_t outputs) {
  return outputs == (step.form == StepForm::exponential ? 2 : 1) && !step.normalized;
}

std::vector<cpu::Channel> channels_of(const FeatureDescription& features) {
  std::vector<cpu::Channel> channels;
  for (const FeatureInput input : features.inputs) {
    if (input == FeatureInput::momenta)
      channels.insert(channels.end(), features.momentum_decays.size(), cpu::Channel::momentum);
    else
      channels.push_back(input == FeatureInput::parameter ? cpu::Channel::parameter : cpu::Channel::gradient);
  }
  return channels;
}

cpu::StepKind kind_of(StepForm form) {
  switch (form) {
    case StepForm::residual:
      return cpu::StepKind::momentum;
    case StepForm::learnable_residual:
      return cpu::StepKind::own_momentum;
    case StepForm::exponential:
      return cpu::StepKind::exponential;
    case StepForm::scaled_gradient:
      break;
  }
  return cpu::StepKind::scaled_gradient;
}

/// Every member is contiguous; updates of a population lie between those of other parameters.
int64_t member_step(const at::Tensor& t) { return t.size(0) == 1 ? 0 : t.stride(0); }

template <class T>
cpu::PerMember<const T> read(const at::Tensor& t) {
  return {t.const_data_ptr<T>(), member_step(t)};
}
template <class T>
cpu::PerMember<T> write(const at::Tensor& t) {
  return {t.mutable_data_ptr<T>(), member_step(t)};
}

/// exp of a learned scalar [P|1].
template <class T>
std::vector<double> exponentials(const at::Tensor& t) {
  std::vector<double> values;
  const T* data = t.const_data_ptr<T>();
  for (int64_t i = 0; i < t.numel(); ++i) values.push_back(std::exp(static_cast<double>(data[i])));
  return values;
}

}  // namespace

struct FusedRule::Buffers {
  std::vector<at::Tensor> outputs;
  bool subtract = false;
  at::Tensor momenta, step_momentum;
};

std::unique_ptr<const FusedRule> FusedRule::make(const RuleDescription& rule, const Plan* plan,
                                                 std::shared_ptr<const ParameterLayout> layout) {
  const FeatureDescription& features = rule.features;
  const auto& layers = rule.network.layers;
  if (!fits(features) || !fits(rule.network) || !fits(rule.step, layers.back().c_out)) return nullptr;

  cpu::FusedDescription description;
  description.channels = channels_of(features);
  description.decays = features.momentum_decays;
  description.clip = features.clip;
  description.one_scale = features.normalization == Normalization::tensor_rms;
  description.epsilon = features.epsilon;
  description.constants = static_cast<int64_t>(features.time_scales.size());
  for (size_t k = 0; k + 1 < layers.size(); ++k) description.hidden.push_back(layers[k].c_out);
  description.kind = kind_of(rule.step.form);
  description.decay = std::find(features.momentum_decays.begin(), features.momentum_decays.end(), rule.step.momentum) -
                      features.momentum_decays.begin();
  for (const auto& parameter : layout->parameters()) {
    if (parameter.numel == 0) return nullptr;
    description.numels.push_back(parameter.numel);
  }
  const LayerDescription& last = layers.back();
  if (last.type == LayerType::dense) {
    description.mixing = cpu::pointwise_mixing(description.numels, last.c_in, last.c_out);
  } else {
    std::optional<cpu::Mixing> mixing = cpu::unf_mixing(*plan, last.c_in, last.c_out);
    if (!mixing) return nullptr;
    description.mixing = std::move(*mixing);
  }
  return std::unique_ptr<const FusedRule>(new FusedRule(rule, std::move(description), std::move(layout)));
}

FusedRule::FusedRule(const RuleDescription& rule, cpu::FusedDescription description,
                     std::shared_ptr<const ParameterLayout> layout)
    : step_(std::move(description)),
      layout_(std::move(layout)),
      form_(rule.step),
      time_scales_(rule.features.time_scales) {}

bool FusedRule::accepts(const std::vector<at::Tensor>& params, const std::vector<at::Tensor>& grads,
                        const RuleState& state) {
  if (params.empty()) return false;
  const at::ScalarType type = params.front().scalar_type();
  if (type != at::kFloat && type != at::kDouble) return false;
  const auto plain = [&](const at::Tensor& t) {
    return t.defined() && t.is_cpu() && t.is_contiguous() && t.scalar_type() == type && t.layout() == at::kStrided;
  };
  return std::all_of(params.begin(), params.end(), plain) && std::all_of(grads.begin(), grads.end(), plain) &&
         std::all_of(state.begin(), state.end(), [&](const auto& entry) { return plain(entry.second); });
}

template <class T>
void FusedRule::pack(std::span<const at::Tensor> theta, PackedTheta& packed) const {
  const size_t scalars = form_.form == StepForm::learnable_residual ? 3 : 0;
  const size_t hidden = 2 * step_.description().hidden.size();
  std::vector<at::Tensor> whole;  // a member's numbers may lie between those of other tensors, but side by side
  cpu::ThetaArguments<T> arguments;
  for (size_t i = 0; i + scalars < theta.size(); ++i) {
    const bool as_is = theta[i].size(0) > 0 && theta[i][0].is_contiguous();
    const at::Tensor& value = as_is ? theta[i] : whole.emplace_back(theta[i].contiguous());
    (i < hidden ? arguments.body : arguments.mixing).push_back(read<T>(value));
    if (i >= hidden) arguments.mixing_numels.push_back(value.numel() / value.size(0));
    packed.members = std::max(packed.members, value.size(0));
  }
  packed.a = {form_.step_mult};
  packed.b = {form_.form == StepForm::exponential ? form_.exp_mult : form_.out_mult};
  if (scalars > 0) {
    const std::span<const at::Tensor> learned = theta.last(scalars);
    packed.a = exponentials<T>(learned[0].contiguous());
    packed.b = exponentials<T>(learned[1].contiguous());
    packed.w = exponentials<T>(learned[2].contiguous());
  }
  arguments.members = packed.members;
  packed.numbers = at::empty({packed.members, step_.packed_numbers()}, theta.front().options().requires_grad(false));
  step_.pack(arguments, packed.numbers.mutable_data_ptr<T>());
}

FusedRule::PackedTheta FusedRule::pack(std::span<const at::Tensor> theta) const {
  PackedTheta packed;
  if (theta.front().scalar_type() == at::kFloat)
    pack<float>(theta, packed);
  else
    pack<double>(theta, packed);
  return packed;
}

template <class T>
void FusedRule::run(const PackedTheta& theta, const std::vector<at::Tensor>& params,
                    const std::vector<at::Tensor>& grads, const RuleState& state, const std::vector<int64_t>& steps,
                    const Buffers& buffers, at::Tensor& workspace) const {
  cpu::StepArguments<T> arguments;
  arguments.members = params.front().size(0);
  arguments.theta = read<T>(theta.numbers);
  for (const int64_t step : steps) {
    const std::vector<double> row = time_features(step, time_scales_);
    arguments.constants.insert(arguments.constants.end(), row.begin(), row.end());
  }
  arguments.a = theta.a;
  arguments.b = theta.b;
  arguments.w = theta.w;
  for (size_t i = 0; i < params.size(); ++i) {
    arguments.params.push_back(read<T>(params[i]));
    arguments.grads.push_back(read<T>(grads[i]));
    arguments.outputs.push_back(write<T>(buffers.outputs[i]));
  }
  arguments.subtract = buffers.subtract;
  arguments.old_momenta = read<T>(state.at("momenta"));
  arguments.momenta = write<T>(buffers.momenta);
  if (buffers.step_momentum.defined()) {
    arguments.old_step_momentum = read<T>(state.at("step_momentum"));
    arguments.step_momentum = write<T>(buffers.step_momentum);
  }
  const int64_t bytes = step_.workspace(arguments.members, sizeof(T));
  if (!workspace.defined() || workspace.numel() < bytes)
    workspace = at::empty({bytes}, at::TensorOptions().dtype(at::kByte));
  step_(arguments, workspace.mutable_data_ptr(), workspace.numel());
}

void FusedRule::dispatch(const PackedTheta& theta, const std::vector<at::Tensor>& params,
                         const std::vector<at::Tensor>& grads, const RuleState& state,
                         const std::vector<int64_t>& steps, const Buffers& buffers, at::Tensor& workspace) const {
  if (params.front().scalar_type() == at::kFloat)
    run<float>(theta, params, grads, state, steps, buffers, workspace);
  else
    run<double>(theta, params, grads, state, steps, buffers, workspace);
}

Update FusedRule::update(const PackedTheta& theta, const std::vector<at::Tensor>& params,
                         const std::vector<at::Tensor>& grads, const RuleState& state,
                         const std::vector<int64_t>& steps) const {
  const at::TensorOptions options = params.front().options().requires_grad(false);
  Buffers buffers;
  Update result;
  for (const auto& [name, tensor] : state) result.state.add(name, at::empty(tensor.sizes(), options));
  result.updates = layout_->unflatten(at::empty({params.front().size(0), layout_->total()}, options));
  for (at::Tensor& update : result.updates) buffers.outputs.push_back(update);
  buffers.momenta = result.state.at("momenta");
  if (form_.form == StepForm::learnable_residual) buffers.step_momentum = result.state.at("step_momentum");
  at::Tensor workspace;
  dispatch(theta, params, grads, state, steps, buffers, workspace);
  return result;
}

void FusedRule::step_in_place(const PackedTheta& theta, const std::vector<at::Tensor>& params,
                              const std::vector<at::Tensor>& grads, RuleState& state, const std::vector<int64_t>& steps,
                              at::Tensor& workspace) const {
  Buffers buffers;
  buffers.outputs = params;
  buffers.subtract = true;
  buffers.momenta = state.at("momenta");
  if (form_.form == StepForm::learnable_residual) buffers.step_momentum = state.at("step_momentum");
  dispatch(theta, params, grads, state, steps, buffers, workspace);
  // Written through pointers: whoever has saved these tensors for a backward pass must notice.
  for (const at::Tensor& parameter : params) parameter.unsafeGetTensorImpl()->bump_version();
  for (const auto& [name, tensor] : state) tensor.unsafeGetTensorImpl()->bump_version();
}

}  // namespace nfopt
