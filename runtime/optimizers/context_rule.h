#pragma once

#include <nfopt/runtime/optimizers/context_description.h>
#include <nfopt/runtime/optimizers/update_rule.h>

#include <memory>

namespace nfopt {

/// nfopt's own learned optimizer: small, scale-free, and on every architecture with the same meta-parameters
/// (docs/context.md). It starts as Adam with rate `initial_rate`.
///
///   m_k <- b_k m_k + (1-b_k) g,  v <- c v + (1-c) g^2,  row and column means of g^2 likewise; all bias-corrected
///   f  = 14 features of g, w, m_k, v            is = 1 / (sqrt(v) + epsilon)
///   h1 = relu(W1 f + b1[role])
///   h2 = relu(W2 h1 + ContextMap(h1) + b2[role])
///   U  = m_1 is * exp(clip(0.5 (w4.h2 + c4), -3, 3)) + 0.3 (w3.h2 + c3)
///   lambda = b[role] + w . tanh(L x + l[role]) per tensor, of progress t/T, sizes, loss and update-to-weight ratio
///   update = exp(min(lambda, 0)) U
///
/// Every constant is in ContextDescription. The features change by rounding and epsilons only when the loss is scaled.
/// theta does not depend on the space. The bias correction counts the updates that the state has seen, so that members
/// whose clock starts late (StepContext::member_steps) still start as Adam.
/// No horizon in the context: progress stays at `progress_without_horizon`. No loss: its input is 0.
/// State    momenta [P, 3, N], squares [P, 1, N], rows and columns [P, 1, ..] over the factored tensors,
///          counts [P, 1, 1], loss [P, 3, 1] (average, number, first). float32 counts are exact for 16 million steps.
/// Group    commutes with the layer group of the space.
/// Cost     CPU, float32, no derivatives: one fused step (nflayers/kernels/cpu/context_step.h), three reads of every
///          accumulator. Otherwise ATen.
class NFOPT_API ContextRule final : public UpdateRule {
 public:
  ContextRule(ContextDescription description, const WeightSpacePtr& space);
  ~ContextRule() override;

  const ContextDescription& description() const;

  std::string name() const override;
  const WeightSpacePtr& space() const override;
  NamedTensors initial_theta(const Rng& rng) const override;
  std::vector<std::pair<std::string, std::vector<int64_t>>> theta_shapes() const override;
  RuleState init(const std::vector<at::Tensor>& params) const override;
  Update update(const NamedTensors& theta, const std::vector<at::Tensor>& params, const std::vector<at::Tensor>& grads,
                const RuleState& state, const StepContext& context) const override;
  void step_in_place(const NamedTensors& theta, const std::vector<at::Tensor>& params,
                     const std::vector<at::Tensor>& grads, RuleState& state, const StepContext& context) const override;
  std::string describe() const override;

  /// `update` by ATen operators, whatever the type and device: what the fused step is compared with.
  Update update_by_aten(const NamedTensors& theta, const std::vector<at::Tensor>& params,
                        const std::vector<at::Tensor>& grads, const RuleState& state, const StepContext& context) const;

 private:
  struct Parts;
  std::unique_ptr<const Parts> parts_;
};

}  // namespace nfopt
