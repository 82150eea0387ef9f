#include <nfopt/nflayers/spec/error.h>
#include <nfopt/runtime/optimizers/context_rates.h>
#include <torch/types.h>

#include <algorithm>
#include <cmath>

namespace nfopt {

at::Tensor by_role(const at::Tensor& values, const std::vector<ContextTensor>& tensors) {
  std::vector<at::Tensor> rows;
  for (const ContextTensor& t : tensors) rows.push_back(values.select(1, t.role));
  return at::stack(rows, 1);
}

ContextRates::ContextRates(const ContextDescription& description, std::vector<ContextTensor> tensors)
    : description_(description), tensors_(std::move(tensors)) {
  const auto scaled_log = [&](int64_t n) {
    return description.count_gain * std::log(static_cast<double>(std::max<int64_t>(1, n)));
  };
  for (const ContextTensor& t : tensors_) tensor_inputs_.push_back({scaled_log(t.numel), scaled_log(t.fan_in)});
}

std::vector<double> ContextRates::member_inputs(const StepContext& context, int64_t member, int64_t members) const {
  const ContextDescription& d = description_;
  for (const auto* list : {&context.member_steps, &context.member_total_steps})
    if (!list->empty() && static_cast<int64_t>(list->size()) != members)
      throw Error("optimizer", "the step context lists " + std::to_string(list->size()) +
                                   " members, the parameters have " + std::to_string(members) +
                                   ". Give one entry per member, or none.");
  std::optional<int64_t> total = context.total_steps;
  if (!context.member_total_steps.empty()) total = context.member_total_steps[member];
  if (total && *total < 1)
    throw Error("optimizer", "the horizon is " + std::to_string(*total) +
                                 " steps: expected at least 1. Leave total_steps unset for a constant schedule.");
  const auto step = static_cast<double>(context.step_of(member));
  const double progress = total ? step / static_cast<double>(*total) : d.progress_without_horizon;
  std::vector<double> inputs;
  for (const double centre : d.progress_centres) inputs.push_back(std::tanh(d.progress_slope * (progress - centre)));
  inputs.push_back(d.count_gain * std::log(step + 1));
  return inputs;
}

at::Tensor ContextRates::operator()(const Theta& theta, const at::Tensor& weight_rms, const at::Tensor& nominal_rms,
                                    const at::Tensor& loss_trend, const StepContext& context) const {
  const ContextDescription& d = description_;
  const int64_t members = weight_rms.size(0), count = weight_rms.size(1);
  std::vector<double> of_members, of_tensors;
  for (int64_t p = 0; p < members; ++p)
    for (const double input : member_inputs(context, p, members)) of_members.push_back(input);
  for (const auto& inputs : tensor_inputs_) of_tensors.insert(of_tensors.end(), inputs.begin(), inputs.end());

  const at::Tensor bias = by_role(theta.bias2, tensors_);  // [P|1, T]
  if (d.rate_units == 0) return bias.expand({members, count}).clamp_max(0).exp();
  const at::TensorOptions options = weight_rms.options();
  const at::Tensor shared = at::tensor(of_members, options).view({members, 1, -1}).expand({-1, count, -1});
  const at::Tensor own = at::tensor(of_tensors, options).view({1, count, -1}).expand({members, -1, -1});
  const at::Tensor size = (weight_rms + d.rms_offset).log(), change = (nominal_rms + d.rms_offset).log();
  const at::Tensor seen =
      at::stack({d.rms_gain * size, d.rms_gain * (change - size), loss_trend.expand({members, count})}, 2);
  const at::Tensor x = at::cat({shared, own, seen}, 2);
  const at::Tensor hidden = at::tanh(at::matmul(x, theta.weight1) + by_role(theta.bias1, tensors_));  // [P, T, U]
  return (bias + (hidden * theta.weight2.unsqueeze(1)).sum(-1)).clamp_max(0).exp();
}

double ContextRates::rate(const MemberTheta& theta, const std::vector<double>& member_inputs, size_t tensor,
                          double weight_rms, double nominal_rms, double loss_trend) const {
  const ContextDescription& d = description_;
  const auto units = static_cast<size_t>(d.rate_units), role = static_cast<size_t>(tensors_[tensor].role);
  const double size = std::log(weight_rms + d.rms_offset), change = std::log(nominal_rms + d.rms_offset);
  double hidden[64];
  for (size_t u = 0; u < units; ++u) hidden[u] = theta.bias1[role * units + u];
  size_t row = 0;
  const auto add = [&](double input) {
    const float* weights = theta.weight1 + row++ * units;
    for (size_t u = 0; u < units; ++u) hidden[u] += input * weights[u];
  };
  for (const double input : member_inputs) add(input);
  for (const double input : tensor_inputs_[tensor]) add(input);
  add(d.rms_gain * size);
  add(d.rms_gain * (change - size));
  add(loss_trend);
  double lambda = theta.bias2[role];
  for (size_t u = 0; u < units; ++u) lambda += theta.weight2[u] * std::tanh(hidden[u]);
  return std::exp(std::min(lambda, 0.0));
}

}  // namespace nfopt
