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

/// HetNFNForOpt of UNF's research code: a dense layer, pool - dense - relu - dense, pool - dense.
RuleDescription unf_pool() {
  const auto dense = [](int64_t in, int64_t out, bool relu) {
    return LayerDescription{LayerType::dense, in, out, relu, false};
  };
  const LayerDescription pool = {LayerType::unf_pool, 32, 32, false, false};
  return learnable_residual(
      {dense(19, 32, false), pool, dense(32, 32, true), dense(32, 32, false), pool, dense(32, 1, false)});
}

RuleDescription deep_set() {
  auto network = layers(LayerType::dense, {19, 32, 32, 32});
  network.back().relu = true;
  network.push_back({LayerType::deep_set, 32, 1, false, false});
  return learnable_residual(std::move(network));
}

/// The 28 features of learned_optimization's adafac family in its order; with time 39 inputs.
FeatureDescription adafactor_features() {
  using F = FeatureInput;
  FeatureDescription features;
  features.inputs = {F::gradient,       F::parameter,    F::momenta,           F::rms,
                     F::scaled_momenta, F::inverse_rms,  F::factored_gradient, F::rows,
                     F::columns,        F::inverse_rows, F::inverse_columns,   F::factored_momenta};
  features.momentum_decays = {0.9, 0.99, 0.999};
  features.normalization = Normalization::channel_rms;
  features.adafactor.emplace();
  return features;
}

RuleDescription small_fc() {
  RuleDescription rule;
  rule.features = adafactor_features();
  rule.network.layers = layers(LayerType::dense, {39, 4, 4, 2});
  rule.network.dense_init = DenseInit::unit_parent;
  rule.step.form = StepForm::exponential;
  rule.step.step_mult = 1e-3;
  return rule;
}

/// As published, but for a nominal step that is on from the start: at its start the rule is close to Adam.
RuleDescription nominal_mlp() {
  RuleDescription rule = small_fc();
  rule.network.layers = layers(LayerType::dense, {39, 4, 4, 4});
  rule.step.nominal.emplace();
  rule.step.nominal->step = 1e-3;
  rule.step.nominal->controls_step = true;
  return rule;
}

RuleDescription nominal() {
  RuleDescription rule = nominal_mlp();
  rule.network.layers = layers(LayerType::unf, {39, 32, 32, 4});
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
                               {"deep_set", deep_set},
                               {"lolv2", lolv2},
                               {"mlplopt", mlplopt},
                               {"nominal", nominal},
                               {"nominal_mlp", nominal_mlp},
                               {"per_parameter_mlp", per_parameter_mlp},
                               {"rmsnormed", rmsnormed},
                               {"sgdcontrol", sgdcontrol},
                               {"small_fc", small_fc},
                               {"unf", unf},
                               {"unf_full", unf_full},
                               {"unf_pool", unf_pool}};

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
