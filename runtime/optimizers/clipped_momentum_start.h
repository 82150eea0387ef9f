#pragma once

#include <nfopt/nflayers/spec/export.h>
#include <nfopt/runtime/optimizers/learned_rule.h>
#include <nfopt/runtime/optimizers/named_tensors.h>

#include <cstdint>

namespace nfopt {

/// Meta-parameters written down instead of found: with them a rule is momentum, clipped, at a rate that falls as a
/// cosine.
///
///   u = rate * clip(sharpness * ((1 - a) m + a g), -c(t), c(t))      c(t) ~ (1 + cos(pi t / horizon)) / 2
///
/// m and g are channels as the network sees them (scaled per tensor), a is `gradient`, and c the least-squares fit by the
/// time features, hence good to about 0.01 up to 1.1 horizons (0.015 for short ones); later it means nothing.
/// relu(x + c) - relu(x - c) - c is that clip, so that dense layers compute it with three units; the other units keep
/// their random weights and end in zeros, free to learn. From here meta-training starts level with a tuned optimizer,
/// which the published start reaches after thousands of outer steps.
struct ClippedMomentumStart {
  double rate = 0.03;      ///< largest change of a parameter in one step
  double sharpness = 20;   ///< large: only the sign counts
  double decay = 0.9;      ///< of the momentum, one of the rule's
  double gradient = 0.3;   ///< share of the gradient itself
  int64_t horizon = 2000;  ///< steps
  double gain = 2;         ///< each layer multiplies by it, the step divides: how little a perturbation of theta does
  double nominal = 0.01;   ///< step_mult: weight of the rule's own momentum term
};

/// `published` with the values that make it clipped momentum. Fits rules with features p, g, momenta and time, two or
/// more dense layers, a last layer `dense` or `unf` with one output, and the step `learnable_residual`: `unf`,
/// `per_parameter_mlp`. Throws Error that lists what does not fit.
NFOPT_API NamedTensors clipped_momentum_start(const LearnedRule& rule, const NamedTensors& published,
                                              const ClippedMomentumStart& options);

}  // namespace nfopt
