#pragma once

#include <nfopt/runtime/optimizers/rule_description.h>

#include <string>
#include <vector>

namespace nfopt {

/// The published learned optimizers, hidden width 32 (docs/optimizers.md has the formulas and sources), and our own.
///
///   context            small, for every architecture, starts as Adam (context_rule.h, docs/context.md)
///   unf                dense 19-32-32-32, then one UNF layer 32-1; learnable multipliers (arXiv:2402.05232)
///   unf_full           four UNF layers 19-32-32-32-1; learnable multipliers
///   per_parameter_mlp  dense 19-32-32-32-1; learnable multipliers: the baseline that sees one weight at a time
///   lolv2              four UNF layers, two outputs
///   unf_pool           dense layers with parameter-free pools between them: meta-parameters fit every network
///   deep_set           dense 19-32-32-32, then one Deep Sets layer 32-1: the baseline that sees one set of weights
///   small_fc           Adam and Adafactor features, dense 39-4-4-2, two outputs, decays learned (arXiv:2203.11860)
///   nominal_mlp        the same features, dense 39-4-4-4, outputs beside and in control of an Adam step
///                      (arXiv:2209.11208)
///   nominal            the same with UNF layers 39-32-32-4
///   mlplopt            dense 19-32-32-2, two outputs, no clipping (arXiv:1810.10180)
///   sgdcontrol         UNF layers that scale the gradient
///   rmsnormed          UNF layers over RMS-normalised momenta
///
/// An unknown name is an Error that lists these.
NFOPT_API RuleDescription rule_preset(const std::string& name);
NFOPT_API std::vector<std::string> rule_preset_names();

}  // namespace nfopt
