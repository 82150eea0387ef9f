// Eleven steps of the per-parameter rules with Adam and Adafactor features (small_fc_lopt, nominal_lopt): features,
// network output, accumulators and parameters.

#include <gtest/gtest.h>
#include <nfopt/nflayers/spec/error.h>
#include <nfopt/runtime/optimizers/learned_rule.h>
#include <nfopt/runtime/optimizers/rule_presets.h>
#include <torch/torch.h>

#include "tests/golden/golden_case.h"

namespace nfopt::golden {
namespace {

constexpr double kTolerance = 1e-9;  // float64

/// Parameters that share nothing: every axis has a label of its own.
WeightSpacePtr space_of_params(const GoldenCase& golden) {
  std::vector<TensorDescription> tensors;
  for (const auto& p : golden.info.at("params")) {
    TensorDescription& t = tensors.emplace_back();
    t.name = p.at("name").get<std::string>();
    t.shape = p.at("shape").get<std::vector<int64_t>>();
    for (size_t axis = 0; axis < t.shape.size(); ++axis)
      t.axes += (axis > 0 ? ", " : "") + ("l" + std::to_string(tensors.size()) + "_" + std::to_string(axis));
    t.axes = "[" + t.axes + "]";
  }
  return std::make_shared<const WeightSpace>(tensors);
}

RuleDescription rule_of(const GoldenCase& golden, const std::string& preset) {
  RuleDescription rule = rule_preset(preset);
  rule.features.momentum_decays = golden.option("initial_momentum_decays", std::vector<double>{});
  rule.features.rms_decay = golden.option("initial_rms_decays", std::vector<double>{}).at(0);
  rule.features.adafactor->decays = golden.option("initial_adafactor_decays", std::vector<double>{});
  rule.step.step_mult = golden.option("step_mult", 0.0);
  // g, p, v, r; m, m r; six kinds of numbers per factored decay; time.
  const auto count = [](const std::vector<double>& list) { return static_cast<int64_t>(list.size()); };
  std::vector<int64_t> widths = {4 + 2 * count(rule.features.momentum_decays) +
                                 6 * count(rule.features.adafactor->decays) + count(rule.features.time_scales)};
  widths.insert(widths.end(), golden.option("hidden_layers", int64_t{0}), golden.option("hidden_size", int64_t{0}));
  widths.push_back(rule.step.nominal ? 4 : 2);
  rule.network.layers.clear();
  for (size_t k = 0; k + 1 < widths.size(); ++k)
    rule.network.layers.push_back({LayerType::dense, widths[k], widths[k + 1], k + 2 < widths.size(), false});
  return rule;
}

/// A weight, or the weight that is stored as one number per entry.
at::Tensor weight(const GoldenCase& golden, const std::string& name, const std::vector<int64_t>& shape) {
  if (golden.has(name)) return golden.tensor(name);
  std::vector<at::Tensor> entries;
  for (int64_t i = 0; i < shape[0]; ++i) {
    const std::string row = name + "_" + std::to_string(i);
    if (shape.size() == 1) entries.push_back(golden.tensor(row));
    for (int64_t j = 0; shape.size() == 2 && j < shape[1]; ++j)
      entries.push_back(golden.tensor(row + "_" + std::to_string(j)));
  }
  return at::stack(entries).reshape(shape);
}

NamedTensors theta_of(const GoldenCase& golden, const LearnedRule& rule) {
  NamedTensors theta;
  for (const auto& [name, shape] : rule.theta_shapes()) {  // L<k>.w, L<k>.b, ..decays
    const bool network = name.front() == 'L';
    const std::string stored = network ? "nn/~/" + name.substr(3) + name.substr(1, 1) : name;
    theta.add(name, weight(golden, "theta/" + stored, shape).unsqueeze(0));
  }
  int64_t stored = 0;
  for (const auto& [name, tensor] : golden.tensors) stored += name.rfind("theta/", 0) == 0 ? tensor.numel() : 0;
  EXPECT_EQ(theta.numel(), stored) << "the file has meta-parameters that the rule does not use";
  return theta;
}

void run(const GoldenCase& golden, const RuleDescription& description) {
  const LearnedRule rule(description, space_of_params(golden));
  const NamedTensors theta = theta_of(golden, rule);
  const auto slices = rule.slices();
  std::vector<at::Tensor> params;
  for (const auto& slice : slices) params.push_back(golden.tensor("init/" + slice.name).unsqueeze(0));
  RuleState state = rule.init(params);
  const auto feature_steps = golden.info.at("feature_steps").get<std::vector<int64_t>>();
  for (int64_t t = 0; t < golden.info.at("steps").get<int64_t>(); ++t) {
    SCOPED_TRACE("step " + std::to_string(t));
    std::vector<at::Tensor> grads;
    for (const auto& slice : slices) grads.push_back(golden.tensor("grad/" + slice.name)[t].unsqueeze(0));
    RuleTrace trace;
    StepContext context;
    context.step = golden.option("start_iteration", int64_t{0}) + t;
    Update update = rule.update_traced(theta, params, grads, state, context, trace);
    state = std::move(update.state);
    const auto stored = std::find(feature_steps.begin(), feature_steps.end(), t) - feature_steps.begin();
    for (size_t i = 0; i < slices.size(); ++i) {
      const auto& slice = slices[i];
      params[i] = params[i] - update.updates[i];
      expect_close(params[i][0], golden.tensor("param/" + slice.name)[t], kTolerance, "param/" + slice.name);
      const auto expect_features = [&](const at::Tensor& flat, const std::string& name) {
        if (stored == static_cast<std::ptrdiff_t>(feature_steps.size()) || !golden.has(name + slice.name)) return;
        expect_close(flat[0].narrow(1, slice.offset, slice.numel).t(), golden.tensor(name + slice.name)[stored],
                     kTolerance, name + slice.name);
      };
      expect_features(trace.raw, "feat_raw/");
      expect_features(trace.network_input, "feat_norm/");
      expect_features(trace.output, "net_out/");
      const auto expect_state = [&](const std::string& name, const std::string& file) {
        if (!golden.has(file + slice.name)) return;
        const auto numels = rule.state_numels(name);
        const at::Tensor own = state.at(name)[0].split_with_sizes(numels, -1)[i].t();
        const at::Tensor expected = golden.tensor(file + slice.name)[t];
        expect_close(own.reshape(expected.sizes()), expected, kTolerance, file + slice.name);
      };
      expect_state("momenta", "mom/");
      expect_state("rms", "rms/");
      expect_state("factored_rows", "fac_row/");
      expect_state("factored_rows", "fac_diag/");
      expect_state("factored_columns", "fac_col/");
    }
  }
}

void check_small_fc(const GoldenCase& golden) {
  if (golden.option("initial_rms_decays", std::vector<double>{}).size() > 1)
    GTEST_SKIP() << "pending: features with several rms decays";
  RuleDescription rule = rule_of(golden, "small_fc");
  rule.step.exp_mult = golden.option("exp_mult", 0.0);
  run(golden, rule);
}

void check_nominal(const GoldenCase& golden) {
  static const std::map<std::string, NominalGradient> kGradients = {
      {"SGD", NominalGradient::gradient},
      {"SGDM", NominalGradient::momentum},
      {"AggMo", NominalGradient::mean_momentum},
      {"Adam", NominalGradient::scaled_momentum},
      {"AdamAggMo", NominalGradient::mean_scaled_momentum}};
  RuleDescription rule = rule_of(golden, "nominal_mlp");
  const auto exponents = golden.option("exp_mult", std::vector<double>{});
  rule.step.exp_mult = exponents.at(0);
  NominalDescription& nominal = *rule.step.nominal;
  nominal.gradient = kGradients.at(golden.option<std::string>("nominal_grad_estimator", ""));
  nominal.step = golden.option("nominal_stepsize", 0.0);
  nominal.weight_decay = golden.option("weight_decay", 0.0);
  nominal.step_exp = exponents.at(1);
  nominal.decay_exp = exponents.at(2);
  nominal.controls_step = golden.option("nominal_controller", false);
  nominal.controls_decay = golden.option("regularization_controller", false);
  nominal.mean_magnitude = golden.option("aggregate_magnitude", false);
  nominal.mean_step_control = golden.option("aggregate_nom_magnitude", false);
  nominal.scaled_by_rms = golden.option("normalize_blackbox", false);
  nominal.scaled_by_gradient = golden.option("selfnormalize_blackbox", false);
  run(golden, rule);
}

const bool registered = register_golden_kind("lopt-1", "small_fc_lopt", check_small_fc) &&
                        register_golden_kind("lopt-1", "nominal_lopt", check_nominal);

}  // namespace
}  // namespace nfopt::golden
