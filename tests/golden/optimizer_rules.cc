// Twelve steps of every published rule with given gradients: features, network output, accumulators and parameters.

#include <gtest/gtest.h>
#include <nfopt/nflayers/spec/error.h>
#include <nfopt/runtime/optimizers/learned_rule.h>
#include <nfopt/runtime/optimizers/rule_presets.h>
#include <nfopt/runtime/optimizers/theta_values.h>
#include <torch/torch.h>

#include "tests/golden/golden_case.h"

namespace nfopt::golden {
namespace {

std::vector<LayerDescription> network_of(const nlohmann::json& net) {
  static const std::map<std::string, LayerType> kTypes = {
      {"dense", LayerType::dense}, {"unf", LayerType::unf}, {"unf_plus_pointwise", LayerType::unf_plus_pointwise}};
  std::vector<LayerDescription> layers;
  for (const auto& layer : net)
    layers.push_back({kTypes.at(layer.at("type").get<std::string>()), layer.at("c_in"), layer.at("c_out"),
                      layer.at("relu"), layer.value("pos_emb", false)});
  return layers;
}

/// The published rule of this kind with the network and constants of the file.
RuleDescription rule_of(const GoldenCase& golden, const std::string& preset) {
  RuleDescription rule = rule_preset(preset);
  rule.network.layers = network_of(golden.info.at("net"));
  rule.step.step_mult = golden.option("step_mult", rule.step.step_mult);
  rule.step.out_mult = golden.option("out_mult", rule.step.out_mult);
  rule.step.exp_mult = golden.option("exp_mult", rule.step.exp_mult);
  if (rule.step.form == StepForm::scaled_gradient) rule.step.step_mult = golden.option("initial_lr", 1e-3);
  return rule;
}

NamedTensors theta_of(const GoldenCase& golden, const LearnedRule& rule) {
  NamedTensors theta;
  for (const auto& [name, shape] : rule.theta_shapes()) theta.add(name, golden.tensor("theta." + name).unsqueeze(0));
  int64_t stored = 0;
  for (const auto& [name, tensor] : golden.tensors) stored += name.rfind("theta.", 0) == 0 ? tensor.numel() : 0;
  EXPECT_EQ(theta.numel(), stored) << "the file has meta-parameters that the rule does not use";
  EXPECT_EQ(theta.numel(), golden.option("n_theta", int64_t{0}));
  return theta;
}

/// A flat [1, C, N] tensor against the file's [shape..., C] per parameter.
void expect_flat(const GoldenCase& golden, const LearnedRule& rule, const at::Tensor& flat, const std::string& prefix,
                 double tolerance) {
  for (const auto& slice : rule.slices()) {
    if (!golden.has(prefix + slice.name)) continue;
    const at::Tensor expected = golden.tensor(prefix + slice.name);
    const at::Tensor actual = flat[0].narrow(1, slice.offset, slice.numel).t();  // a scalar is a tensor of one element
    expect_close(actual.reshape(expected.sizes()), expected, tolerance, prefix + slice.name);
  }
}

void run(const GoldenCase& golden, const RuleDescription& description, double tolerance) {
  const LearnedRule rule(description, golden.space());
  const NamedTensors theta = theta_of(golden, rule);
  std::vector<at::Tensor> params;
  for (const auto& slice : rule.slices()) params.push_back(golden.tensor("p0." + slice.name).unsqueeze(0));
  RuleState state = rule.init(params);

  const auto momenta_steps = golden.info.at("momenta_after_steps").get<std::vector<int64_t>>();
  const auto start = golden.option("start_iteration", int64_t{0});
  for (int64_t t = 0; t < golden.option("steps", int64_t{12}); ++t) {
    SCOPED_TRACE("step " + std::to_string(t));
    std::vector<at::Tensor> grads;
    for (const auto& slice : rule.slices()) grads.push_back(golden.tensor("g." + slice.name)[t].unsqueeze(0));
    RuleTrace trace;
    StepContext context;
    context.step = start + t;
    Update update = rule.update_traced(theta, params, grads, state, context, trace);
    state = std::move(update.state);

    const std::string s = "s" + std::to_string(t) + ".";
    expect_flat(golden, rule, trace.raw, s + "raw.", tolerance);
    expect_flat(golden, rule, trace.clipped, s + "clip.", tolerance);
    expect_flat(golden, rule, trace.normalized, s + "norm.", tolerance);
    expect_flat(golden, rule, trace.network_input, s + "net_in.", tolerance);
    expect_flat(golden, rule, trace.output, s + "f.", tolerance);
    if (golden.has(s + "time") && description.features.normalization != Normalization::standardized)
      expect_close(trace.time, golden.tensor(s + "time"), tolerance, s + "time");

    const auto stored = std::find(momenta_steps.begin(), momenta_steps.end(), t) - momenta_steps.begin();
    for (size_t i = 0; i < params.size(); ++i) {
      const auto slice = rule.slices()[i];
      params[i] = params[i] - update.updates[i];
      expect_close(params[i][0], golden.tensor("p." + slice.name)[t], tolerance, "p." + slice.name);
      const auto accumulator = [&](const char* name) {
        return state.at(name)[0].narrow(1, slice.offset, slice.numel).t();
      };
      if (stored < static_cast<int64_t>(momenta_steps.size())) {
        const at::Tensor expected = golden.tensor("m." + slice.name)[stored];
        expect_close(accumulator("momenta").reshape(expected.sizes()), expected, tolerance, "m." + slice.name);
      }
      if (stored < static_cast<int64_t>(momenta_steps.size()) && golden.has("v." + slice.name)) {
        const at::Tensor expected = golden.tensor("v." + slice.name)[stored];
        expect_close(accumulator("rms").reshape(expected.sizes()), expected, tolerance, "v." + slice.name);
      }
      if (golden.has("mom." + slice.name)) {
        const at::Tensor expected = golden.tensor("mom." + slice.name)[t];
        expect_close(accumulator("step_momentum").reshape(expected.sizes()), expected, tolerance, "mom." + slice.name);
      }
    }
  }
}

void check_residual(const GoldenCase& golden) {
  RuleDescription rule = rule_of(golden, "unf");
  const auto multipliers = golden.option<std::string>("multipliers", "");
  if (multipliers == "fixed")
    rule.step.form = StepForm::residual;
  else if (multipliers != "learnable")
    throw Error("golden", "unknown multipliers '" + multipliers + "'.");
  run(golden, rule, 1e-10);
}
void check_mlplopt(const GoldenCase& golden) { run(golden, rule_of(golden, "mlplopt"), 1e-10); }
void check_lolv2(const GoldenCase& golden) { run(golden, rule_of(golden, "lolv2"), 1e-10); }
// Standardised time channels are rounding noise in these files and 0 here.
void check_sgdcontrol(const GoldenCase& golden) { run(golden, rule_of(golden, "sgdcontrol"), 1e-7); }
void check_rmsnormed(const GoldenCase& golden) { run(golden, rule_of(golden, "rmsnormed"), 1e-7); }

void check_counts(const GoldenCase& golden) {
  for (const auto& [task, row] : golden.info.at("table").items()) {
    SCOPED_TRACE(task);
    const WeightSpacePtr space = GoldenCase::space_of(row.at("tensors"));
    EXPECT_EQ(static_cast<int64_t>(space->tensors().size()), row.at("n_tensors").get<int64_t>());
    for (const auto& [preset, column] : {std::pair("unf", "hybrid"), std::pair("per_parameter_mlp", "mlp")}) {
      RuleDescription rule = rule_preset(preset);
      const auto count = [&] {
        const LearnedRule learned(rule, space);
        const NamedTensors theta = learned.initial_theta(Rng(1));
        check_theta(learned, theta);
        return theta.numel();
      };
      EXPECT_EQ(count(), row.at(std::string(column) + "_plus_3_scalars").get<int64_t>()) << preset;
      rule.step.form = StepForm::residual;
      EXPECT_EQ(count(), row.at(column).get<int64_t>()) << preset;
    }
  }
}

const bool registered = register_golden_kind("unf-golden-1", "residual", check_residual) &&
                        register_golden_kind("unf-golden-1", "mlplopt", check_mlplopt) &&
                        register_golden_kind("unf-golden-1", "lolv2", check_lolv2) &&
                        register_golden_kind("unf-golden-1", "sgdcontrol", check_sgdcontrol) &&
                        register_golden_kind("unf-golden-1", "rmsnormed", check_rmsnormed) &&
                        register_golden_kind("unf-golden-1", "counts", check_counts);

}  // namespace
}  // namespace nfopt::golden
