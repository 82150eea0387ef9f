#include <nfopt/nflayers/random/rng.h>
#include <nfopt/nflayers/spec/assumed_sizes.h>
#include <nfopt/nflayers/spec/error.h>
#include <nfopt/nflayers/spec/near_names.h>
#include <nfopt/runtime/binding/recognition.h>
#include <nfopt/runtime/binding/symmetry_check.h>
#include <nfopt/runtime/optimizers/make_learned_optimizer.h>
#include <nfopt/runtime/optimizers/make_update_rule.h>
#include <nfopt/runtime/optimizers/meta_parameters.h>
#include <nfopt/runtime/optimizers/parameter_space.h>
#include <nfopt/runtime/optimizers/rule_presets.h>
#include <torch/nn/module.h>

#include <algorithm>
#include <filesystem>

namespace nfopt {
namespace {

constexpr uint64_t kPresetSeed = 0;  // one preset is one optimizer, the same in every program
constexpr uint64_t kProofSeed = 0;

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

// "h = 2, k = 64, .." for the labels that a claim rests on and that no shape tells; "" when there is none.
std::string guessed_sizes(const WeightSpace& space) {
  constexpr int kShown = 6;
  std::string text;
  int count = 0;
  for (const int index : assumed_sizes(space)) {
    const Label& label = space.labels()[static_cast<size_t>(index)];
    if (label.type != LabelType::plain || ++count > kShown) continue;
    text += (count > 1 ? ", " : "") + label.name + " = " + std::to_string(label.size);
  }
  return count > kShown ? text + " and " + std::to_string(count - kShown) + " more" : text;
}

std::string recognised_as(const Recognition::Candidate& candidate) {
  return "The network was recognised as '" + candidate.architecture + "' with " + candidate.options_text() + ".";
}

std::string how_to_name_options(const Recognition::Candidate& candidate) {
  return "name the options:\n  const auto instance = nfopt::instantiate(nfopt::Registry::global().find(\"" +
         candidate.architecture + "\"), {..});\n  nfopt::make_learned_optimizer(nfopt::bind(*net, instance), rule);";
}

Binding bind_to(const torch::nn::Module& module, const Recognition::Candidate& candidate) {
  BindOptions options;
  options.prefix = candidate.prefix;
  return nfopt::bind(module, candidate.instance, options);
}

}  // namespace

LearnedOptimizer make_learned_optimizer(const Binding& binding, const std::string& rule,
                                        LearnedOptimizerOptions options) {
  LoadedRule loaded = rule_of(rule, parameter_space(binding.space));
  return LearnedOptimizer(parameters_of(binding), std::move(loaded.rule), std::move(loaded.theta), std::move(options));
}

LearnedOptimizer make_learned_optimizer(const torch::nn::Module& module, const std::string& rule,
                                        LearnedOptimizerOptions options) {
  const auto candidate = recognize_one(live_tensors(module));
  if (const std::string guessed = guessed_sizes(*candidate.instance.space); !guessed.empty())
    throw Error("optimizer", recognised_as(candidate) + " Its names and shapes do not tell " + guessed +
                                 ": these are a guess, and a wrong one claims symmetries that the network does not "
                                 "have.\nLet a forward pass in eval mode test it:\n  "
                                 "nfopt::make_learned_optimizer(*net, rule, [&] { return net->forward(x); });\nor " +
                                 how_to_name_options(candidate));
  return make_learned_optimizer(bind_to(module, candidate), rule, std::move(options));
}

LearnedOptimizer make_learned_optimizer(const torch::nn::Module& module, const std::string& rule,
                                        const std::function<at::Tensor()>& forward, LearnedOptimizerOptions options) {
  const auto candidate = recognize_one(live_tensors(module));
  const Binding binding = bind_to(module, candidate);
  const std::string guessed = guessed_sizes(*binding.space);
  try {
    require_symmetries(binding, forward, Rng(kProofSeed));
  } catch (const Error& error) {
    if (guessed.empty()) throw;
    throw Error("optimizer", recognised_as(candidate) + " Its names and shapes do not tell " + guessed +
                                 ": these were guessed, and the test failed.\n" + error.what() +
                                 "\nIf a guess is wrong, " + how_to_name_options(candidate));
  }
  return make_learned_optimizer(binding, rule, std::move(options));
}

}  // namespace nfopt
