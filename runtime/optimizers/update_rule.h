#pragma once

#include <ATen/core/Tensor.h>
#include <nfopt/nflayers/random/rng.h>
#include <nfopt/nflayers/spec/weight_space.h>
#include <nfopt/runtime/optimizers/named_tensors.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace nfopt {

/// What a rule may read beside parameters and gradients.
struct StepContext {
  int64_t step = 0;                    ///< 0 on the first step; features use it before it grows
  std::optional<int64_t> total_steps;  ///< horizon T, for rules that see it
  at::Tensor loss;                     ///< [P], or undefined
  /// Where members of a population have started at different times: step and horizon of each, [P]; empty when all have
  /// those above.
  std::vector<int64_t> member_steps = {};
  std::vector<int64_t> member_total_steps = {};

  int64_t step_of(int64_t member) const { return member_steps.empty() ? step : member_steps.at(member); }
};

/// A rule's memory: flat tensors [P, k, N] by name, N running over all parameters in order.
using RuleState = NamedTensors;

struct Update {
  std::vector<at::Tensor> updates;  ///< [P, shape...] one per parameter: params' = params - lr * update
  RuleState state;
};

/// Steps of a rule with meta-parameters that stay what they are. [one thread at a time]
class NFOPT_API InPlaceSteps {
 public:
  virtual ~InPlaceSteps();
  /// As UpdateRule::step_in_place.
  virtual void step(const std::vector<at::Tensor>& params, const std::vector<at::Tensor>& grads, RuleState& state,
                    const StepContext& context) = 0;
};

/// A learned update rule, as a pure function of everything it reads.
///
///   updates, state' = update(theta, params, grads, state, context)        params' = params - lr * updates
///
/// Lists run over the *parameters* of the weight space (buffers left out), in its order.
/// Shapes   theta  [P|1, ...] by name      params, grads, updates  [P, shape...]
/// P members of a population each have their own features and, with theta [P, ...], their own meta-parameters; P = 1
/// for a single network. Undefined gradients are read as zeros by the features; the parameter's own state is kept and
/// its update is zero.
/// No member changes during a call, so one rule may serve many tasks at once. Under grad mode the result is
/// differentiable in theta, params and grads.
/// [any-thread, hot-path] never synchronises with the device.
class NFOPT_API UpdateRule {
 public:
  virtual ~UpdateRule();

  virtual std::string name() const = 0;
  virtual const WeightSpacePtr& space() const = 0;

  /// Fresh meta-parameters as published, [1, ...] each, float64 on the CPU.
  virtual NamedTensors initial_theta(const Rng& rng) const = 0;
  /// Names and shapes (without P) that theta must have, in order.
  virtual std::vector<std::pair<std::string, std::vector<int64_t>>> theta_shapes() const = 0;

  virtual RuleState init(const std::vector<at::Tensor>& params) const = 0;
  virtual Update update(const NamedTensors& theta, const std::vector<at::Tensor>& params,
                        const std::vector<at::Tensor>& grads, const RuleState& state,
                        const StepContext& context) const = 0;

  /// The same without the copies that purity costs: params <- params - u, state <- state'. Not differentiable. What it
  /// computes equals `update` within rounding; members never mix, so that splitting a population changes no bit.
  virtual void step_in_place(const NamedTensors& theta, const std::vector<at::Tensor>& params,
                             const std::vector<at::Tensor>& grads, RuleState& state, const StepContext& context) const;
  /// For many steps with one theta on parameters of the type and device of `like` [P, ...]: what follows from theta alone
  /// is computed once, here. Changes of theta afterwards are not seen. The rule must outlive what it returns.
  virtual std::unique_ptr<InPlaceSteps> in_place_steps(const NamedTensors& theta, const at::Tensor& like) const;

  /// Everything a checkpoint must say so that it can be stepped again: features with every epsilon, decays, network,
  /// step form (JSON text).
  virtual std::string describe() const = 0;
};

}  // namespace nfopt
