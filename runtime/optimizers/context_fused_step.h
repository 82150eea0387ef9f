#pragma once

#include <ATen/core/Tensor.h>
#include <nfopt/nflayers/kernels/cpu/context_step.h>
#include <nfopt/runtime/optimizers/context_accumulators.h>
#include <nfopt/runtime/optimizers/context_rates.h>

#include <vector>

namespace nfopt {

/// The rule `context` on the CPU in float32, by nflayers/kernels/cpu/context_step.h.
class ContextFusedStep {
 public:
  ContextFusedStep(const ContextDescription& description, const WeightSpace& space,
                   const std::vector<ContextTensor>& tensors, const ContextRates& rates);

  /// Whether everything is float32 on the CPU, every gradient is there, and nobody asks for derivatives.
  static bool applies(const std::vector<at::Tensor>& theta, const std::vector<at::Tensor>& params,
                      const std::vector<at::Tensor>& grads, const RuleState& state);

  /// Advances `state` in place. The updates go to `out`, or into the parameters where `out` is empty; both contiguous.
  void operator()(const std::vector<at::Tensor>& theta, const std::vector<at::Tensor>& params,
                  const std::vector<at::Tensor>& grads, RuleState& state, const StepContext& context,
                  const std::vector<at::Tensor>& out) const;

 private:
  /// Counts the update and takes the loss in; returns log(average loss / first loss).
  double advance_loss(float* memory, const double* loss) const;

  const ContextDescription& description_;
  const ContextRates& rates_;
  cpu::ContextStepPlan plan_;
  cpu::ContextStepConstants constants_;
};

/// Meta-parameters in the order of ContextRule::theta_shapes().
enum ContextTheta : size_t {
  kBodyWeight,
  kBodyBias,
  kMixSelf,
  kMixOutput,
  kMixInput,
  kMixNeither,
  kMixTensor,
  kMixNetwork,
  kMixBias,
  kDirectionWeight,
  kDirectionBias,
  kScaleWeight,
  kScaleBias,
  kRateWeight1,
  kRateBias1,
  kRateWeight2,
  kRateBias2,
  kContextThetas,
};

}  // namespace nfopt
