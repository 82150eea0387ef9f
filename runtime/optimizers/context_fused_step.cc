#include <nfopt/runtime/optimizers/context_fused_step.h>
#include <torch/types.h>

#include <algorithm>
#include <cmath>

namespace nfopt {
namespace {

static_assert(cpu::kContextFeatureCount == kContextFeatures && cpu::kContextRoleCount == kContextRoles);

std::vector<cpu::ContextStepTensor> step_tensors(const std::vector<ContextTensor>& tensors) {
  std::vector<cpu::ContextStepTensor> result(tensors.size());
  for (size_t i = 0; i < tensors.size(); ++i) {
    result[i].role = tensors[i].role;
    result[i].row_axis = tensors[i].row_axis;
    result[i].column_axis = tensors[i].column_axis;
  }
  return result;
}

/// Row-major [rows, columns] into the upper left of rows of 8.
void pad(const float* from, size_t rows, size_t columns, float (*to)[cpu::kContextHidden]) {
  for (size_t i = 0; i < rows; ++i) std::copy_n(from + i * columns, columns, to[i]);
}

/// The numbers of one member.
const float* of_member(const at::Tensor& t, int64_t member) {
  const int64_t size = t.numel() / t.size(0);
  return t.const_data_ptr<float>() + (t.size(0) == 1 ? 0 : member * size);
}

cpu::ContextNetwork network_of(const std::vector<at::Tensor>& theta, int64_t member, size_t h) {
  const auto numbers = [&](ContextTheta which) { return of_member(theta[which], member); };
  cpu::ContextNetwork network;
  pad(numbers(kBodyWeight), kContextFeatures, h, network.body);
  pad(numbers(kBodyBias), kContextRoles, h, network.body_bias);
  pad(numbers(kMixSelf), h, h, network.self);
  pad(numbers(kMixOutput), h, h, network.slots[static_cast<int>(Slot::output)]);
  pad(numbers(kMixInput), h, h, network.slots[static_cast<int>(Slot::input)]);
  pad(numbers(kMixNeither), h, h, network.slots[static_cast<int>(Slot::neither)]);
  pad(numbers(kMixTensor), h, h, network.tensor);
  pad(numbers(kMixNetwork), h, h, network.network);
  pad(numbers(kMixBias), kContextRoles, h, network.mix_bias);
  std::copy_n(numbers(kDirectionWeight), h, network.direction);
  std::copy_n(numbers(kScaleWeight), h, network.scale);
  network.direction_bias = *numbers(kDirectionBias);
  network.scale_bias = *numbers(kScaleBias);
  return network;
}

}  // namespace

ContextFusedStep::ContextFusedStep(const ContextDescription& d, const WeightSpace& space,
                                   const std::vector<ContextTensor>& tensors, const ContextRates& rates)
    : description_(d), rates_(rates), plan_(space, step_tensors(tensors)) {
  std::copy_n(d.momentum_decays.begin(), 3, constants_.momentum_decays);
  constants_.square_decay = d.square_decay;
  constants_.epsilon = d.epsilon;
  constants_.row_epsilon = d.row_epsilon;
  constants_.column_epsilon = d.column_epsilon;
  constants_.floor = d.floor;
  constants_.clip = d.clip;
  constants_.context_gain = d.context_gain;
  constants_.direction_gain = d.direction_gain;
  constants_.scale_gain = d.scale_gain;
  constants_.scale_limit = d.scale_limit;
  constants_.momentum_direction = d.nominal == ContextNominal::momentum;
}

bool ContextFusedStep::applies(const std::vector<at::Tensor>& theta, const std::vector<at::Tensor>& params,
                               const std::vector<at::Tensor>& grads, const RuleState& state) {
  const bool recording = at::GradMode::is_enabled();
  const auto fits = [recording](const at::Tensor& t) {
    return t.defined() && t.scalar_type() == at::kFloat && t.is_cpu() && !(recording && t.requires_grad());
  };
  return std::all_of(theta.begin(), theta.end(), fits) && std::all_of(params.begin(), params.end(), fits) &&
         std::all_of(grads.begin(), grads.end(), fits) &&
         std::all_of(state.begin(), state.end(),
                     [&](const auto& entry) { return fits(entry.second) && entry.second.is_contiguous(); });
}

double ContextFusedStep::advance_loss(float* memory, const double* loss) const {
  const ContextDescription& d = description_;
  float &average = memory[0], &number = memory[1], &first = memory[2];
  if (loss != nullptr) {
    if (number == 0) first = static_cast<float>(*loss);
    average += static_cast<float>((1 - d.loss_decay) * (*loss - average));
    number += 1;
  }
  if (number == 0) return 0;
  const double corrected = d.loss_decay == 0 ? average : average / -std::expm1(number * std::log(d.loss_decay));
  const double trend = std::log((std::max(corrected, 0.0) + d.floor) / (std::max<double>(first, 0) + d.floor));
  return std::clamp(trend, -d.loss_clip, d.loss_clip);
}

void ContextFusedStep::operator()(const std::vector<at::Tensor>& theta_given, const std::vector<at::Tensor>& params,
                                  const std::vector<at::Tensor>& grads_given, RuleState& state,
                                  const StepContext& context, const std::vector<at::Tensor>& out) const {
  const int64_t members = params.front().size(0);
  std::vector<at::Tensor> theta, grads, sources;
  for (const at::Tensor& t : theta_given) theta.push_back(t.contiguous());
  for (const at::Tensor& g : grads_given) grads.push_back(g.contiguous());
  for (const at::Tensor& p : params) sources.push_back(p.contiguous());
  at::Tensor loss;
  if (context.loss.defined()) loss = context.loss.detach().to(at::kCPU, at::kDouble).reshape({-1}).contiguous();
  const auto data = [&](const char* name, int64_t member) {
    at::Tensor& t = state.at(name);
    return t.mutable_data_ptr<float>() + member * (t.numel() / members);
  };

  std::vector<cpu::ContextNetwork> networks(members);
  std::vector<std::vector<double>> inputs(members);
  std::vector<double> trends(members);
  std::vector<cpu::ContextStepMember> steps(members);
  for (int64_t p = 0; p < members; ++p) {
    inputs[p] = rates_.member_inputs(context, p, members);  // first: it may throw
    networks[p] = network_of(theta, p, static_cast<size_t>(description_.hidden));
  }
  for (int64_t p = 0; p < members; ++p) {
    cpu::ContextStepMember& step = steps[p];
    for (size_t i = 0; i < params.size(); ++i) {
      const int64_t offset = p * plan_.tensors[i].numel;
      // Read only where the updates go elsewhere.
      step.w.push_back(const_cast<float*>(sources[i].const_data_ptr<float>()) + offset);
      step.g.push_back(grads[i].const_data_ptr<float>() + offset);
      if (!out.empty()) step.out.push_back(out[i].mutable_data_ptr<float>() + offset);
    }
    step.momenta = data("momenta", p);
    step.squares = data("squares", p);
    step.rows = data("rows", p);
    step.columns = data("columns", p);
    float* count = data("counts", p);
    step.updates = *count += 1;
    const double* own_loss = loss.defined() ? loss.const_data_ptr<double>() + (loss.numel() == 1 ? 0 : p) : nullptr;
    trends[p] = advance_loss(data("loss", p), own_loss);
    step.network = &networks[p];
    step.rates = [&, p](std::span<const cpu::ContextTensorStatistics> tensors, std::span<double> rates) {
      const ContextRates::MemberTheta numbers = {of_member(theta[kRateWeight1], p), of_member(theta[kRateBias1], p),
                                                 of_member(theta[kRateWeight2], p), of_member(theta[kRateBias2], p)};
      for (size_t t = 0; t < tensors.size(); ++t)
        rates[t] = rates_.rate(numbers, inputs[p], t, tensors[t].weight_rms, tensors[t].nominal_rms, trends[p]);
    };
  }
  cpu::context_step(plan_, constants_, steps);
}

}  // namespace nfopt
