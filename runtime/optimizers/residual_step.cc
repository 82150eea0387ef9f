#include <nfopt/runtime/optimizers/step_form.h>
#include <torch/types.h>

#include <algorithm>

namespace nfopt {
namespace {

/// u = step_mult * (out_mult * f + m): close to momentum SGD while the network is untrained.
class ResidualStep final : public Step {
 public:
  ResidualStep(const StepDescription& step, const FeatureDescription& features)
      : step_(step),
        decay_(std::find(features.momentum_decays.begin(), features.momentum_decays.end(), step.momentum) -
               features.momentum_decays.begin()) {}

  at::Tensor update(std::span<const at::Tensor>, const StepInput& in, NamedTensors&) const override {
    const at::Tensor m = (step_.normalized ? in.normalized_momenta : in.momenta).select(1, decay_);
    return at::add(m, in.f.select(1, 0), step_.out_mult) * step_.step_mult;
  }

 private:
  StepDescription step_;
  int64_t decay_;
};

}  // namespace

std::unique_ptr<Step> residual_step(const StepDescription& step, const FeatureDescription& features) {
  return std::make_unique<ResidualStep>(step, features);
}

}  // namespace nfopt
