#pragma once

#include <nfopt/nflayers/random/tensor_random.h>
#include <nfopt/runtime/meta/theta_layout.h>
#include <nfopt/runtime/optimizers/make_update_rule.h>
#include <nfopt/runtime/optimizers/rule_presets.h>
#include <nfopt/runtime/plugin/registry.h>
#include <nfopt/runtime/tasks/task_family.h>
#include <torch/types.h>

#include <memory>
#include <string>
#include <utility>

namespace nfopt::testing {

/// 60 points of 4 classes around random centres: learnable, and loaded in no time.
inline Dataset small_data(at::ScalarType dtype, int64_t width = 5, int64_t classes = 4) {
  const Rng rng = Rng(11).purpose("small_data");
  at::Tensor centres = at::empty({classes, width}, at::kDouble), noise = at::empty({60, width}, at::kDouble);
  fill_normal(centres, rng.purpose("centres"), 0.0, 1.0);
  fill_normal(noise, rng.purpose("noise"), 0.0, 0.4);
  Dataset data;
  data.name = "small";
  data.classes = classes;
  data.train.targets = at::arange(60, at::kLong).remainder(classes);
  data.train.inputs = (centres.index_select(0, data.train.targets) + noise).to(dtype);
  data.test = data.train.first(20);
  return data;
}

inline ArchitecturePtr mlp() { return Registry::global().find(NFOPT_TEST_MLP); }

/// One shape: mlp 5-3-4, batches of 6, horizon 7.
inline TaskFamilyOptions one_task() {
  TaskFamilyOptions options;
  options.name = "small";
  options.options = {{"hidden", std::vector<int64_t>{3}}};
  options.batch_size = {6, 6};
  options.horizon = {7, 7};
  return options;
}

/// Shapes, batches, scales, labels and horizons vary.
inline TaskFamilyOptions many_tasks(IntegerRange hidden_layers = {1, 3}) {
  TaskFamilyOptions options = one_task();
  options.options = {};
  options.drawn_options = {{"hidden", {}, IntegerRange{2, 6}, hidden_layers},
                           {"activation", {std::string("relu"), std::string("tanh")}, {}, {}}};
  options.batch_size = {3, 8};
  options.horizon = {4, 11};
  options.initial_scale = {0.5, 2.0};
  options.permute_labels = true;
  options.merge_probability = 0.5;
  options.noise_probability = 0.5;
  return options;
}

/// The same as far as one theta of the rule serves them: `unf` has other meta-parameters for every depth.
inline TaskFamilyOptions many_tasks_of(const std::string& rule) {
  return rule == "unf" ? many_tasks({1, 1}) : many_tasks();
}

inline std::shared_ptr<const TaskFamily> family(const TaskFamilyOptions& options, at::ScalarType dtype = at::kFloat) {
  return std::make_shared<const TaskFamily>(options, mlp(), std::vector<Dataset>{small_data(dtype)}, dtype);
}

/// Any preset, as the command makes it.
inline RuleFactory rules(const std::string& preset) {
  return [preset](const WeightSpacePtr& space) { return make_update_rule(rule_preset(preset), space); };
}

/// The published start of a rule on a family's first task, flat.
inline at::Tensor initial_theta(const TaskFamily& family, const RuleFactory& rules) {
  const auto rule = rules(family.task(Rng(0))->space());
  return ThetaLayout(*rule).flatten(rule->initial_theta(Rng(3)));
}

}  // namespace nfopt::testing
