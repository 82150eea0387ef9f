#include <nfopt/nflayers/random/rng.h>
#include <nfopt/nflayers/spec/error.h>
#include <nfopt/nflayers/spec/near_names.h>
#include <nfopt/runtime/binding/recognition.h>
#include <nfopt/runtime/optimizers/make_learned_optimizer.h>
#include <nfopt/runtime/optimizers/make_update_rule.h>
#include <nfopt/runtime/optimizers/meta_parameters.h>
#include <nfopt/runtime/optimizers/parameter_space.h>
#include <nfopt/runtime/optimizers/rule_presets.h>
#include <torch/torch.h>

#include <algorithm>
#include <filesystem>

namespace nfopt {
namespace {

constexpr uint64_t kPresetSeed = 0;  // one preset is one optimizer, the same in every program

LoadedRule rule_of(const std::string& rule, const WeightSpacePtr& space) {
  const auto presets = rule_preset_names();
  if (std::find(presets.begin(), presets.end(), rule) != presets.end()) {
    std::shared_ptr<const UpdateRule> preset = make_update_rule(rule_preset(rule), space);
    NamedTensors theta = preset->initial_theta(Rng(kPresetSeed));
    return {std::move(preset), std::move(theta)};
  }
  if (rule.find('/') == std::string::npos && !rule.ends_with(".safetensors") && !std::filesystem::exists(rule))
    throw Error("optimizer",
                "'" + rule + "' is neither a file of meta-parameters nor a preset." + known_names(rule, presets));
  return load_rule(rule, space);
}

// Buffers are known by their kind, and in a state dict by their type.
bool is_stepped(const LiveTensor& live) { return live.kind != Kind::buffer && live.tensor.is_floating_point(); }

NamedParameters parameters_of(const Binding& binding) {
  NamedParameters parameters;
  const auto& described = binding.space->tensors();
  for (size_t i = 0; i < described.size(); ++i)
    if (described[i].kind == Kind::parameter) parameters.emplace_back(described[i].name, binding.tensors[i]);
  for (const LiveTensor& live : binding.extra)
    if (is_stepped(live)) parameters.emplace_back(live.name, live.tensor);
  return parameters;
}

}  // namespace

LearnedOptimizer make_learned_optimizer(const Binding& binding, const std::string& rule,
                                        LearnedOptimizerOptions options) {
  LoadedRule loaded = rule_of(rule, parameter_space(binding.space));
  return LearnedOptimizer(parameters_of(binding), std::move(loaded.rule), std::move(loaded.theta), std::move(options));
}

LearnedOptimizer make_learned_optimizer(const torch::nn::Module& module, const std::string& rule,
                                        LearnedOptimizerOptions options) {
  return make_learned_optimizer(recognize_and_bind(module), rule, std::move(options));
}

}  // namespace nfopt
