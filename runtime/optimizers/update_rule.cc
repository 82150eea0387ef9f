#include <nfopt/runtime/optimizers/update_rule.h>
#include <torch/types.h>

namespace nfopt {

UpdateRule::~UpdateRule() = default;

void UpdateRule::step_in_place(const NamedTensors& theta, const std::vector<at::Tensor>& params,
                               const std::vector<at::Tensor>& grads, RuleState& state,
                               const StepContext& context) const {
  const at::NoGradGuard no_grad;
  Update result = update(theta, params, grads, state, context);
  for (size_t i = 0; i < params.size(); ++i) {
    at::Tensor parameter = params[i];
    parameter.sub_(result.updates[i]);
  }
  state = std::move(result.state);
}

}  // namespace nfopt
