#pragma once

#include <nfopt/nflayers/random/rng.h>
#include <nfopt/runtime/meta/meta_train_config.h>
#include <nfopt/runtime/optimizers/rule_description.h>
#include <nfopt/runtime/optimizers/update_rule.h>

namespace nfopt {

/// The rule that is meta-trained: the preset, with the constants of the config, or as the file to start from says it.
/// Throws Error when the file holds another rule than the config names.
NFOPT_API RuleDescription rule_to_train(const MetaTrainConfig& config);

/// theta [1, ...] by name at outer step 0: of the file, or the published start drawn from `rng`, or clipped
/// momentum; then the values of `init`. Throws Error that lists every name in `init` that the rule does not have.
NFOPT_API NamedTensors starting_theta(const MetaTrainConfig& config, const UpdateRule& rule, const Rng& rng);

}  // namespace nfopt
