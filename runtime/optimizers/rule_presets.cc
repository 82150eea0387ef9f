#include <nfopt/nflayers/spec/error.h>
#include <nfopt/nflayers/spec/near_names.h>
#include <nfopt/runtime/optimizers/rule_presets.h>

namespace nfopt {
namespace {

std::vector<LayerDescription> layers(LayerType type, const std::vector<int64_t>& widths) {
  std::vector<LayerDescription> layers;
  for (size_t k = 0; k + 1 < widths.size(); ++k)
    layers.push_back({type, widths[k], widths[k + 1], k + 2 < widths.size(), false});
  return layers;
}

FeatureDescription clipped_features() {
  FeatureDescription features;
  features.clip = 1;
  return features;
}

/// The paper's setting: alpha 0.1, beta 1e-3, gamma 0.9 at the start, all three learned.
RuleDescription learnable_residual(std::vector<LayerDescription> network) {
  RuleDescription rule;
  rule.features = clipped_features();
  rule.network.layers = std::move(network);
  rule.step.form = StepForm::learnable_residual;
  rule.step.out_mult = 1e-3;
  return rule;
}

RuleDescription unf() {
  auto network = layers(LayerType::dense, {19, 32, 32, 32});
  network.back().relu = true;
  network.push_back({LayerType::unf, 32, 1, false, false});
  return learnable_residual(std::move(network));
}
RuleDescription unf_full() { return learnable_residual(layers(LayerType::unf, {19, 32, 32, 32, 1})); }
RuleDescription per_parameter_mlp() { return learnable_residual(layers(LayerType::dense, {19, 32, 32, 32, 1})); }

RuleDescription lolv2() {
  RuleDescription rule;
  rule.features = clipped_features();
  rule.network.layers = layers(LayerType::unf, {19, 32, 32, 32, 2});
  rule.step.form = StepForm::exponential;
  rule.step.step_mult = 1e-3;
  return rule;
}

RuleDescription mlplopt() {
  RuleDescription rule;
  rule.features.inputs = {FeatureInput::gradient, FeatureInput::parameter, FeatureInput::momenta};
  rule.features.normalization = Normalization::channel_rms;
  rule.network.layers = layers(LayerType::dense, {19, 32, 32, 2});
  rule.network.dense_init = DenseInit::unit_parent;
  rule.step.form = StepForm::exponential;
  rule.step.step_mult = 1e-3;
  return rule;
}

RuleDescription sgdcontrol() {
  RuleDescription rule;
  rule.features.normalization = Normalization::standardized;
  rule.network.layers = layers(LayerType::unf, {19, 32, 32, 32, 1});
  rule.step.form = StepForm::scaled_gradient;
  rule.step.step_mult = 1e-3;
  return rule;
}

RuleDescription rmsnormed() {
  RuleDescription rule;
  rule.features.inputs = {FeatureInput::parameter, FeatureInput::gradient, FeatureInput::normalized_momenta};
  rule.features.momentum_decays = {0.1, 0.5, 0.9, 0.99, 0.999};
  rule.features.normalization = Normalization::standardized;
  rule.network.layers = layers(LayerType::unf, {18, 32, 32, 1});
  rule.step.step_mult = 1e-3;
  rule.step.normalized = true;
  return rule;
}

RuleDescription context() {
  RuleDescription rule;
  rule.context = ContextDescription();
  return rule;
}

struct Preset {
  const char* name;
  RuleDescription (*make)();
};
constexpr Preset kPresets[] = {{"context", context},
                               {"lolv2", lolv2},
                               {"mlplopt", mlplopt},
                               {"per_parameter_mlp", per_parameter_mlp},
                               {"rmsnormed", rmsnormed},
                               {"sgdcontrol", sgdcontrol},
                               {"unf", unf},
                               {"unf_full", unf_full}};

}  // namespace

RuleDescription rule_preset(const std::string& name) {
  for (const Preset& preset : kPresets) {
    if (name != preset.name) continue;
    RuleDescription rule = preset.make();
    rule.name = name;
    return rule;
  }
  throw Error("rule", "no learned optimizer '" + name + "'." + known_names(name, rule_preset_names()));
}

std::vector<std::string> rule_preset_names() {
  std::vector<std::string> names;
  for (const Preset& preset : kPresets) names.emplace_back(preset.name);
  return names;
}

}  // namespace nfopt
