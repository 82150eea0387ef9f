#pragma once

#include <ATen/core/Tensor.h>
#include <nfopt/nflayers/random/rng.h>
#include <nfopt/runtime/optimizers/named_tensors.h>
#include <nfopt/runtime/optimizers/network_layer.h>

namespace nfopt {

/// What a step may read.
struct StepInput {
  const at::Tensor& f;                   ///< [P, C_out, N] the network's output
  const at::Tensor& p;                   ///< [P, N]
  const at::Tensor& g;                   ///< [P, N]
  const at::Tensor& momenta;             ///< [P, decays, N]
  const at::Tensor& normalized_momenta;  ///< [P, decays, N] or undefined
  const NamedTensors& old_state;
};

/// From the network's output to u [P, N], params' = params - lr * u (StepForm has the formulas).
class Step {
 public:
  virtual ~Step() = default;
  /// Meta-parameters and accumulators of the step itself; none by default.
  virtual std::vector<ThetaShape> theta_shapes() const { return {}; }
  virtual std::vector<at::Tensor> initial_theta() const { return {}; }
  virtual void add_state(NamedTensors& /*state*/, int64_t /*members*/, int64_t /*total*/,
                         const at::TensorOptions& /*options*/) const {}
  virtual at::Tensor update(std::span<const at::Tensor> theta, const StepInput& in, NamedTensors& state) const = 0;
};

std::unique_ptr<Step> residual_step(const StepDescription& step, const FeatureDescription& features);
std::unique_ptr<Step> learnable_residual_step(const StepDescription& step);
std::unique_ptr<Step> exponential_step(const StepDescription& step);
std::unique_ptr<Step> scaled_gradient_step(const StepDescription& step);

std::unique_ptr<Step> nominal_step(const StepDescription& step, const FeatureDescription& features,
                                   std::shared_ptr<const ParameterLayout> layout);

std::unique_ptr<Step> make_step(const StepDescription& step, const FeatureDescription& features,
                                const std::shared_ptr<const ParameterLayout>& layout);

}  // namespace nfopt
