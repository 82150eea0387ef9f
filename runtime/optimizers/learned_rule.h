#pragma once

#include <nfopt/runtime/optimizers/rule_description.h>
#include <nfopt/runtime/optimizers/update_rule.h>

#include <memory>

namespace nfopt {

/// Values inside one step, [P, C, N] each except `time`: [K], or [P, K] for members at different steps; N runs over all parameters in order.
struct RuleTrace {
  at::Tensor raw, clipped, normalized;  ///< channels without time
  at::Tensor network_input;             ///< with time
  at::Tensor time;
  at::Tensor output;  ///< f
};

/// The one core of all learned optimizers: features, an update network and a step form, assembled from plain data.
///
///   state' = accumulators(state, g)      f = network(theta, features(p, g, state', t))      u = step(theta, f, g,
///   state')
///
/// `space()` is the given space without its buffers. State tensors are flat, [P, k, N] (`momenta`, `rms`,
/// `step_momentum`; `factored_rows` and `factored_columns` are shorter). theta of another floating type is converted to the parameters' type.
/// Errors   Error("rule", ..) for a description that contradicts itself, Error("optimizer", ..) for tensors that do not
///          fit, all at once.
class NFOPT_API LearnedRule final : public UpdateRule {
 public:
  LearnedRule(RuleDescription description, const WeightSpacePtr& space);
  ~LearnedRule() override;

  const RuleDescription& description() const;
  /// The parameters in the order of the flat axis, with their offsets along it.
  struct Slice {
    std::string name;
    std::vector<int64_t> shape;
    int64_t offset = 0;
    int64_t numel = 0;
  };
  std::vector<Slice> slices() const;
  /// Entries of each parameter along the last axis of a state tensor: N in all for most of them.
  std::vector<int64_t> state_numels(const std::string& name) const;

  std::string name() const override;
  const WeightSpacePtr& space() const override;
  NamedTensors initial_theta(const Rng& rng) const override;
  std::vector<std::pair<std::string, std::vector<int64_t>>> theta_shapes() const override;
  RuleState init(const std::vector<at::Tensor>& params) const override;
  Update update(const NamedTensors& theta, const std::vector<at::Tensor>& params, const std::vector<at::Tensor>& grads,
                const RuleState& state, const StepContext& context) const override;
  void step_in_place(const NamedTensors& theta, const std::vector<at::Tensor>& params,
                     const std::vector<at::Tensor>& grads, RuleState& state, const StepContext& context) const override;
  std::unique_ptr<InPlaceSteps> in_place_steps(const NamedTensors& theta, const at::Tensor& like) const override;
  std::string describe() const override;

  /// Whether steps on the CPU that need no gradients are fused (docs/optimizers.md, "The fused CPU step"). `update` and
  /// `step_in_place` then differ from `update_with_aten` by rounding.
  bool is_fused() const;
  /// `update` by ATen operators on any device: what the fused step is compared with.
  Update update_with_aten(const NamedTensors& theta, const std::vector<at::Tensor>& params,
                          const std::vector<at::Tensor>& grads, const RuleState& state,
                          const StepContext& context) const;
  /// `update_with_aten` that also reports what happened inside.
  Update update_traced(const NamedTensors& theta, const std::vector<at::Tensor>& params,
                       const std::vector<at::Tensor>& grads, const RuleState& state, const StepContext& context,
                       RuleTrace& trace) const;

 private:
  struct Parts;
  class FusedSteps;
  std::unique_ptr<const Parts> parts_;
};

}  // namespace nfopt
