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

  /// Meta-parameters as the kernels read them.
  struct PackedTheta {
    int64_t members = 1;
    at::Tensor numbers;           ///< [P|1, cpu::FusedStep::packed_numbers()]
    std::vector<double> a, b, w;  ///< [P|1] of the step form
  };
  /// `theta` has one value [P|1, ...] per meta-parameter in the type of the parameters. One pack serves many steps.
  PackedTheta pack(std::span<const at::Tensor> theta) const;

  /// `steps` has one entry for all members or one for each. Not differentiable.
  Update update(const PackedTheta& theta, const std::vector<at::Tensor>& params, const std::vector<at::Tensor>& grads,
                const RuleState& state, const std::vector<int64_t>& steps) const;
  /// `workspace` is memory that one step leaves to the next; undefined at first.
  void step_in_place(const PackedTheta& theta, const std::vector<at::Tensor>& params,
                     const std::vector<at::Tensor>& grads, RuleState& state, const std::vector<int64_t>& steps,
                     at::Tensor& workspace) const;

 private:
  struct Buffers;  // what a call writes
  FusedRule(const RuleDescription& rule, cpu::FusedDescription description,
            std::shared_ptr<const ParameterLayout> layout);

  template <class T>
  void pack(std::span<const at::Tensor> theta, PackedTheta& packed) const;
  template <class T>
  void run(const PackedTheta& theta, const std::vector<at::Tensor>& params, const std::vector<at::Tensor>& grads,
           const RuleState& state, const std::vector<int64_t>& steps, const Buffers& buffers,
           at::Tensor& workspace) const;
  void dispatch(const PackedTheta& theta, const std::vector<at::Tensor>& params, const std::vector<at::Tensor>& grads,
                const RuleState& state, const std::vector<int64_t>& steps, const Buffers& buffers,
                at::Tensor& workspace) const;

  cpu::FusedStep step_;
  std::shared_ptr<const ParameterLayout> layout_;
  StepDescription form_;
  std::vector<double> time_scales_;
};

}  // namespace nfopt
