#include <nfopt/nflayers/spec/error.h>
#include <nfopt/nflayers/spec/near_names.h>
#include <nfopt/runtime/meta/meta_start.h>
#include <nfopt/runtime/optimizers/meta_parameters.h>
#include <nfopt/runtime/optimizers/rule_presets.h>
#include <torch/types.h>

namespace nfopt {

RuleDescription rule_to_train(const MetaTrainConfig& config) {
  if (config.theta.empty()) {
    RuleDescription rule = rule_preset(config.rule);
    if (config.context) rule.context = config.context;
    return rule;
  }
  RuleDescription rule = load_meta_parameters(config.theta).rule;
  if (rule.name != config.rule)
    throw Error("meta", "'" + config.theta + "' holds meta-parameters of the rule '" + rule.name + "': expected '" +
                            config.rule + "'. Name its rule in the config.");
  return rule;
}

NamedTensors starting_theta(const MetaTrainConfig& config, const UpdateRule& rule, const Rng& rng) {
  NamedTensors start = config.theta.empty() ? rule.initial_theta(rng) : load_rule(config.theta, rule.space()).theta;
  if (config.clipped_momentum) {
    const auto* learned = dynamic_cast<const LearnedRule*>(&rule);
    if (learned == nullptr)
      throw Error("meta",
                  "the start 'clipped_momentum' is for rules assembled from layers, such as 'unf' and "
                  "'per_parameter_mlp': received '" +
                      config.rule + "'. Leave 'start' out.");
    start = clipped_momentum_start(*learned, start, *config.clipped_momentum);
  }
  NamedTensors theta;
  std::vector<std::string> names;
  for (const auto& [name, tensor] : start) {
    theta.add(name, tensor.to(at::kDouble).clone());
    names.push_back(name);
  }
  std::string problems;
  for (const auto& [name, value] : config.init) {
    if (theta.find(name) == nullptr) {
      problems += "\n  '" + name + "'." + known_names(name, names);
      continue;
    }
    theta.at(name).fill_(value);
  }
  if (!problems.empty())
    throw Error("meta", "'init' names meta-parameters that the rule '" + config.rule + "' does not have:" + problems);
  return theta;
}

}  // namespace nfopt
