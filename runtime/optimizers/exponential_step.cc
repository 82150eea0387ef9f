#include <nfopt/runtime/optimizers/step_form.h>
#include <torch/types.h>

namespace nfopt {
namespace {

/// u = step_mult * d * exp(e * exp_mult): direction and log-magnitude.
class ExponentialStep final : public Step {
 public:
  explicit ExponentialStep(const StepDescription& step) : step_(step) {}

  at::Tensor update(std::span<const at::Tensor>, const StepInput& in, NamedTensors&) const override {
    return in.f.select(1, 0) * (in.f.select(1, 1) * step_.exp_mult).exp() * step_.step_mult;
  }

 private:
  StepDescription step_;
};

}  // namespace

std::unique_ptr<Step> exponential_step(const StepDescription& step) { return std::make_unique<ExponentialStep>(step); }

}  // namespace nfopt
