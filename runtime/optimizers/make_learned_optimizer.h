#pragma once

#include <nfopt/runtime/binding/binding.h>
#include <nfopt/runtime/optimizers/learned_optimizer.h>

#include <string>

namespace nfopt {

/// A learned optimizer for a bound network.
///
///   torch::optim::AdamW optimizer(net->parameters(), 1e-3);                                      // before
///   nfopt::LearnedOptimizer optimizer = nfopt::make_learned_optimizer(*net, "rule.safetensors");  // after
///
/// `rule` is a file of meta-parameters (meta_parameters.h), or the name of a preset (rule_presets.h) with its published
/// initial values. Buffers take no part; extra parameters need LearnedOptimizerOptions::fallback. Parameters that
/// require no gradient are features of the others and never change.
/// Throws Error for a rule that is neither, and whatever LearnedOptimizer refuses.
NFOPT_API LearnedOptimizer make_learned_optimizer(const Binding& binding, const std::string& rule,
                                                  LearnedOptimizerOptions options = {});

/// The same for a module whose architecture the registry recognises (recognition.h).
NFOPT_API LearnedOptimizer make_learned_optimizer(const torch::nn::Module& module, const std::string& rule,
                                                  LearnedOptimizerOptions options = {});

}  // namespace nfopt
