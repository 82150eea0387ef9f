#include <nfopt/runtime/optimizers/step_form.h>
#include <torch/types.h>

namespace nfopt {
namespace {

/// u = step_mult * exp(f) * g: a learning rate per element.
class ScaledGradientStep final : public Step {
 public:
  explicit ScaledGradientStep(const StepDescription& step) : step_(step) {}

  at::Tensor update(std::span<const at::Tensor>, const StepInput& in, NamedTensors&) const override {
    return in.f.select(1, 0).exp() * in.g * step_.step_mult;
  }

 private:
  StepDescription step_;
};

}  // namespace

std::unique_ptr<Step> scaled_gradient_step(const StepDescription& step) {
  return std::make_unique<ScaledGradientStep>(step);
}

}  // namespace nfopt
