#include <nfopt/nflayers/spec/error.h>
#include <nfopt/runtime/optimizers/step_form.h>

namespace nfopt {

std::unique_ptr<Step> make_step(const StepDescription& step, const FeatureDescription& features,
                                const std::shared_ptr<const ParameterLayout>& layout) {
  if (step.nominal) return nominal_step(step, features, layout);
  switch (step.form) {
    case StepForm::residual:
      return residual_step(step, features);
    case StepForm::learnable_residual:
      return learnable_residual_step(step);
    case StepForm::exponential:
      return exponential_step(step);
    case StepForm::scaled_gradient:
      return scaled_gradient_step(step);
  }
  throw Error("rule", "unknown step form " + std::to_string(static_cast<int>(step.form)) + ".");
}

}  // namespace nfopt
