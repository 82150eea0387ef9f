#include <nfopt/runtime/optimizers/update_rule.h>
#include <torch/types.h>

namespace nfopt {

namespace {

class StepsOfOneTheta final : public InPlaceSteps {
 public:
  StepsOfOneTheta(const UpdateRule& rule, NamedTensors theta) : rule_(rule), theta_(std::move(theta)) {}
  void step(const std::vector<at::Tensor>& params, const std::vector<at::Tensor>& grads, RuleState& state,
            const StepContext& context) override {
    rule_.step_in_place(theta_, params, grads, state, context);
  }

 private:
  const UpdateRule& rule_;
  NamedTensors theta_;
};

}  // namespace

InPlaceSteps::~InPlaceSteps() = default;
UpdateRule::~UpdateRule() = default;

std::unique_ptr<InPlaceSteps> UpdateRule::in_place_steps(const NamedTensors& theta, const at::Tensor&) const {
  return std::make_unique<StepsOfOneTheta>(*this, theta);
}

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
