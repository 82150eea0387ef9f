#pragma once

#include <nfopt/nflayers/kernels/cpu/fused_step.h>
#include <nfopt/runtime/optimizers/named_tensors.h>
#include <nfopt/runtime/optimizers/parameter_layout.h>
#include <nfopt/runtime/optimizers/rule_description.h>
#include <nfopt/runtime/optimizers/update_rule.h>

#include <memory>
#include <span>
#include <vector>

namespace nfopt {

/// The fused CPU step of a learned rule: tensors in, one call of cpu::FusedStep (docs/optimizers.md, "The fused CPU
/// step").
class FusedRule {
 public:
  /// Nothing for rules and spaces that the kernels have no path for: they need momenta scaled by a mean square, pointwise
  /// hidden layers, and one last layer that is equivariant or pointwise. `plan` is that of the last layer; null: dense.
  static std::unique_ptr<const FusedRule> make(const RuleDescription& rule, const Plan* plan,
                                               std::shared_ptr<const ParameterLayout> layout);

  /// Whether these tensors can take this path: float32 or float64 on the CPU, contiguous, every gradient there.
  static bool accepts(const std::vector<at::Tensor>& params, const std::vector<at::Tensor>& grads,
                      const RuleState& state);

  /// `theta` has one value [P|1, ...] per meta-parameter in the type of the parameters, `steps` one entry for all members
  /// or one for each. Not differentiable.
  Update update(std::span<const at::Tensor> theta, const std::vector<at::Tensor>& params,
                const std::vector<at::Tensor>& grads, const RuleState& state, const std::vector<int64_t>& steps) const;
  void step_in_place(std::span<const at::Tensor> theta, const std::vector<at::Tensor>& params,
                     const std::vector<at::Tensor>& grads, RuleState& state, const std::vector<int64_t>& steps) const;

 private:
  struct Buffers;  // what a call writes
  FusedRule(const RuleDescription& rule, cpu::FusedDescription description,
            std::shared_ptr<const ParameterLayout> layout);

  template <class T>
  void run(std::span<const at::Tensor> theta, const std::vector<at::Tensor>& params,
           const std::vector<at::Tensor>& grads, const RuleState& state, const std::vector<int64_t>& steps,
           const Buffers& buffers) const;
  void dispatch(std::span<const at::Tensor> theta, const std::vector<at::Tensor>& params,
                const std::vector<at::Tensor>& grads, const RuleState& state, const std::vector<int64_t>& steps,
                const Buffers& buffers) const;

  cpu::FusedStep step_;
  std::shared_ptr<const ParameterLayout> layout_;
  StepDescription form_;
  std::vector<double> time_scales_;
};

}  // namespace nfopt
