#pragma once

#include <nfopt/runtime/binding/binding.h>
#include <nfopt/runtime/optimizers/learned_optimizer.h>

#include <functional>
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
/// Throws Error when recognition had to guess: names and shapes do not tell heads, or the groups of a norm
/// (assumed_sizes.h), and a wrong guess claims symmetries that the network does not have. The next function tests the
/// guess; naming the options, as the message shows, makes it needless.
NFOPT_API LearnedOptimizer make_learned_optimizer(const torch::nn::Module& module, const std::string& rule,
                                                  LearnedOptimizerOptions options = {});

/// The same with a proof: `forward` computes outputs of the module for a fixed input, and what recognition claims must
/// leave them unchanged (symmetry_check.h: eval mode; parameters are changed meanwhile and restored).
///
///   auto optimizer = nfopt::make_learned_optimizer(*net, "unf", [&] { return net->forward(tokens); });
///
/// Throws Error that names the wrong labels and the options that were guessed.
NFOPT_API LearnedOptimizer make_learned_optimizer(const torch::nn::Module& module, const std::string& rule,
                                                  const std::function<at::Tensor()>& forward,
                                                  LearnedOptimizerOptions options = {});

}  // namespace nfopt
