#include <nfopt/nflayers/layers/context_map.h>
#include <nfopt/nflayers/random/tensor_random.h>
#include <nfopt/nflayers/spec/error.h>
#include <nfopt/runtime/optimizers/context_accumulators.h>
#include <nfopt/runtime/optimizers/context_fused_step.h>
#include <nfopt/runtime/optimizers/context_rates.h>
#include <nfopt/runtime/optimizers/context_rule.h>
#include <nfopt/runtime/optimizers/parameter_space.h>
#include <nfopt/runtime/optimizers/rule_description.h>
#include <nfopt/runtime/optimizers/theta_values.h>
#include <torch/types.h>

#include <algorithm>
#include <cmath>

namespace nfopt {
namespace {

/// One value per tensor, [.., T], at each of its elements: [.., N].
at::Tensor spread(const at::Tensor& values, const ParameterLayout& layout) {
  std::vector<at::Tensor> parts;
  std::vector<int64_t> sizes = values.sizes().vec();
  for (size_t i = 0; i < layout.size(); ++i) {
    sizes.back() = layout.parameters()[i].numel;
    parts.push_back(values.narrow(-1, static_cast<int64_t>(i), 1).expand(sizes));
  }
  return at::cat(parts, -1);
}

/// Mean over every tensor of [P, N]: [P, T].
at::Tensor tensor_means(const at::Tensor& x, const ParameterLayout& layout) {
  std::vector<at::Tensor> means;
  for (const at::Tensor& part : layout.split(x)) means.push_back(part.mean(-1, /*keepdim=*/true));
  return at::cat(means, -1);
}

/// W^T x + b for [P|1, C, H], [P, C, N] and [P|1, H, N].
at::Tensor pointwise(const at::Tensor& weight, const at::Tensor& x, const at::Tensor& bias) {
  const int64_t members = x.size(0);
  return at::bmm(weight.transpose(1, 2).expand({members, weight.size(2), weight.size(1)}), x) + bias;
}

/// In the order of ContextTheta.
std::vector<std::pair<std::string, std::vector<int64_t>>> shapes_of(const ContextDescription& d) {
  const int64_t h = d.hidden, units = d.rate_units, roles = kContextRoles;
  const int64_t inputs = static_cast<int64_t>(d.progress_centres.size()) + kContextTensorInputs;
  return {{"body.weight", {kContextFeatures, h}},
          {"body.bias", {roles, h}},
          {"mix.self", {h, h}},
          {"mix.output", {h, h}},
          {"mix.input", {h, h}},
          {"mix.neither", {h, h}},
          {"mix.tensor", {h, h}},
          {"mix.network", {h, h}},
          {"mix.bias", {roles, h}},
          {"direction.weight", {h}},
          {"direction.bias", {1}},
          {"scale.weight", {h}},
          {"scale.bias", {1}},
          {"rate.weight1", {inputs, units}},
          {"rate.bias1", {roles, units}},
          {"rate.weight2", {units}},
          {"rate.bias2", {roles}}};
}

}  // namespace

struct ContextRule::Parts {
  Parts(ContextDescription given, const WeightSpacePtr& full_space)
      : description((check(given), std::move(given))),
        space(parameter_space(full_space)),
        layout(std::make_shared<const ParameterLayout>(*space)),
        tensors(context_tensors(*space)),
        accumulators(description, layout, tensors),
        contexts(*space),
        rates(description, tensors),
        fused(description, *space, tensors, rates),
        shapes(shapes_of(description)) {
    if (layout->size() == 0) throw Error("rule", "the weight space has no parameters to optimize.");
  }

  at::Tensor features(const ContextAccumulators::Averages& averages, const at::Tensor& w, const at::Tensor& g,
                      const at::Tensor& scale, const at::Tensor& inverse_root) const;

  ContextDescription description;
  WeightSpacePtr space;
  std::shared_ptr<const ParameterLayout> layout;
  std::vector<ContextTensor> tensors;
  ContextAccumulators accumulators;
  ContextMap contexts;
  ContextRates rates;
  ContextFusedStep fused;
  std::vector<std::pair<std::string, std::vector<int64_t>>> shapes;
};

at::Tensor ContextRule::Parts::features(const ContextAccumulators::Averages& averages, const at::Tensor& w,
                                        const at::Tensor& g, const at::Tensor& scale,
                                        const at::Tensor& inverse_root) const {
  const ContextDescription& d = description;
  const auto clip = [&d](const at::Tensor& x) { return x.clamp(-d.clip, d.clip); };
  const at::Tensor root = inverse_root.reciprocal();  // sqrt(v) + epsilon
  std::vector<at::Tensor> factor_parts = layout->split(inverse_root);
  for (size_t i = 0; i < factor_parts.size(); ++i)
    if (averages.factors[i].defined()) factor_parts[i] = averages.factors[i];
  const at::Tensor factor = at::cat(factor_parts, -1);
  const at::Tensor inverse_scale = spread((scale + d.epsilon).reciprocal(), *layout);
  const at::Tensor inverse_weight =
      spread(((tensor_means(w * w, *layout) + d.floor).sqrt() + d.epsilon).reciprocal(), *layout);
  const at::Tensor m1 = averages.momenta.select(1, 0), m2 = averages.momenta.select(1, 1),
                   m3 = averages.momenta.select(1, 2);
  const at::Tensor n = m1 * inverse_root;
  return at::stack(
      {clip(g * inverse_root), n, m2 * inverse_root, m3 * inverse_root, clip(g * factor), clip(m1 * factor),
       clip(m2 * factor), clip(m3 * factor), clip(w * inverse_weight), clip(g * inverse_scale),
       clip(m1 * inverse_scale), clip(m2 * inverse_scale), clip(0.5 * (root * inverse_scale).log()), n.abs()},
      1);
}

ContextRule::ContextRule(ContextDescription description, const WeightSpacePtr& space)
    : parts_(std::make_unique<const Parts>(std::move(description), space)) {}
ContextRule::~ContextRule() = default;

const ContextDescription& ContextRule::description() const { return parts_->description; }
std::string ContextRule::name() const { return "context"; }
const WeightSpacePtr& ContextRule::space() const { return parts_->space; }
std::string ContextRule::describe() const {
  RuleDescription rule;
  rule.name = name();
  rule.context = parts_->description;
  return to_json(rule);
}

std::vector<std::pair<std::string, std::vector<int64_t>>> ContextRule::theta_shapes() const { return parts_->shapes; }

NamedTensors ContextRule::initial_theta(const Rng& rng) const {
  const auto shapes = theta_shapes();
  NamedTensors theta;
  for (size_t i = 0; i < shapes.size(); ++i) {
    const auto& [name, shape] = shapes[i];
    std::vector<int64_t> sizes = {1};
    sizes.insert(sizes.end(), shape.begin(), shape.end());
    at::Tensor value = at::zeros(sizes, at::kDouble);
    // Hidden layers start with variance 1 / inputs (the five context terms share one such input); outputs start at zero,
    // which makes the rule Adam.
    const auto fan_in = static_cast<double>(shape.front());
    if (i == kBodyWeight || i == kMixSelf || i == kRateWeight1)
      fill_normal(value, rng.purpose(name), 0, std::sqrt(1 / fan_in));
    else if (i >= kMixOutput && i <= kMixNetwork)
      fill_normal(value, rng.purpose(name), 0, std::sqrt(1 / (5 * fan_in)));
    else if (i == kRateBias2)
      value.fill_(std::log(parts_->description.initial_rate));
    theta.add(name, value);
  }
  return theta;
}

RuleState ContextRule::init(const std::vector<at::Tensor>& params) const {
  parts_->layout->check(params, "parameters");
  return parts_->accumulators.init(params.front().size(0), params.front().options());
}

Update ContextRule::update(const NamedTensors& theta, const std::vector<at::Tensor>& params,
                           const std::vector<at::Tensor>& grads, const RuleState& state,
                           const StepContext& context) const {
  const Parts& parts = *parts_;
  parts.layout->check(params, "parameters");
  parts.layout->check(grads, "gradients", params.front());
  const std::vector<at::Tensor> values = theta_values(*this, parts.shapes, theta, params.front());
  if (!ContextFusedStep::applies(values, params, grads, state))
    return update_by_aten(theta, params, grads, state, context);
  Update result;
  for (const auto& [name, tensor] : state) result.state.add(name, tensor.clone());
  for (const at::Tensor& p : params) result.updates.push_back(at::empty(p.sizes(), p.options()));
  parts.fused(values, params, grads, result.state, context, result.updates);
  return result;
}

void ContextRule::step_in_place(const NamedTensors& theta, const std::vector<at::Tensor>& params,
                                const std::vector<at::Tensor>& grads, RuleState& state,
                                const StepContext& context) const {
  const at::NoGradGuard no_grad;
  const Parts& parts = *parts_;
  parts.layout->check(params, "parameters");
  parts.layout->check(grads, "gradients", params.front());
  const std::vector<at::Tensor> values = theta_values(*this, parts.shapes, theta, params.front());
  const bool contiguous = std::all_of(params.begin(), params.end(), [](const auto& p) { return p.is_contiguous(); });
  if (!contiguous || !ContextFusedStep::applies(values, params, grads, state))
    return UpdateRule::step_in_place(theta, params, grads, state, context);
  parts.fused(values, params, grads, state, context, {});
  // Written through pointers: whoever has saved these tensors for a backward pass must notice.
  for (const at::Tensor& parameter : params) parameter.unsafeGetTensorImpl()->bump_version();
}

Update ContextRule::update_by_aten(const NamedTensors& theta_given, const std::vector<at::Tensor>& params,
                                   const std::vector<at::Tensor>& grads, const RuleState& state,
                                   const StepContext& context) const {
  const Parts& parts = *parts_;
  const ContextDescription& d = parts.description;
  const ParameterLayout& layout = *parts.layout;
  layout.check(params, "parameters");
  layout.check(grads, "gradients", params.front());
  const std::vector<at::Tensor> theta = theta_values(*this, parts.shapes, theta_given, params.front());

  bool complete = true;
  std::vector<at::Tensor> filled = grads;
  for (size_t i = 0; i < filled.size(); ++i) {
    if (filled[i].defined()) continue;
    filled[i] = at::zeros_like(params[i]);
    complete = false;
  }
  const at::Tensor w = layout.flatten(params), g = layout.flatten(filled);

  // accumulate
  Update result;
  result.state = parts.accumulators.advance(state, g, context.loss);
  const ContextAccumulators::Averages averages = parts.accumulators.averages(result.state);
  const at::Tensor inverse_root = ((averages.squares + d.floor).sqrt() + d.epsilon).reciprocal();
  const at::Tensor scale = (tensor_means(averages.squares, layout) + d.floor).sqrt();  // vr [P, T]
  const at::Tensor nominal =
      averages.momenta.select(1, 0) *
      (d.nominal == ContextNominal::adam ? inverse_root : spread((scale + d.epsilon).reciprocal(), layout));

  // per parameter
  const at::Tensor f = parts.features(averages, w, g, scale, inverse_root);
  const auto role_bias = [&](ContextTheta which) {
    return spread(by_role(theta[which], parts.tensors).transpose(1, 2), layout);
  };
  const at::Tensor h1 = at::relu(pointwise(theta[kBodyWeight], f, role_bias(kBodyBias)));
  at::Tensor before = pointwise(theta[kMixSelf], h1, role_bias(kMixBias));
  if (d.context_gain != 0) {
    const ContextWeights weights = {theta[kMixOutput], theta[kMixInput], theta[kMixNeither], theta[kMixTensor],
                                    theta[kMixNetwork]};
    before = before + d.context_gain * layout.flatten_features(parts.contexts(weights, layout.features(h1)));
  }
  const at::Tensor h2 = at::relu(before);
  const auto output = [&](ContextTheta weight, ContextTheta bias) {
    return (h2 * theta[weight].unsqueeze(2)).sum(1) + theta[bias];
  };
  const at::Tensor multiplier =
      (d.scale_gain * output(kScaleWeight, kScaleBias)).clamp(-d.scale_limit, d.scale_limit).exp();
  const at::Tensor direction = nominal * multiplier + d.direction_gain * output(kDirectionWeight, kDirectionBias);

  // per tensor
  const at::Tensor weight_rms = (tensor_means(w * w, layout) + d.floor).sqrt();
  const at::Tensor nominal_rms = (tensor_means(nominal * nominal, layout) + d.floor).sqrt();
  const at::Tensor rates = parts.rates({theta[kRateWeight1], theta[kRateBias1], theta[kRateWeight2], theta[kRateBias2]},
                                       weight_rms, nominal_rms, parts.accumulators.loss_trend(result.state), context);
  result.updates = layout.unflatten(direction * spread(rates, layout));
  if (!complete) {
    parts.accumulators.keep(grads, state, result.state);
    for (size_t i = 0; i < grads.size(); ++i)
      if (!grads[i].defined()) result.updates[i] = at::zeros_like(params[i]);
  }
  return result;
}

}  // namespace nfopt
