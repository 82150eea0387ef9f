#include <nfopt/runtime/optimizers/step_form.h>
#include <torch/types.h>

#include <cmath>

namespace nfopt {
namespace {

/// u = alpha * (beta * f + mom) with three learned scalars and an accumulator `step_momentum` [P, 1, N] of its own.
class LearnableResidualStep final : public Step {
 public:
  explicit LearnableResidualStep(const StepDescription& step) : step_(step) {}

  std::vector<ThetaShape> theta_shapes() const override {
    return {{"step_mult", {}}, {"out_mult", {}}, {"one_minus_momentum", {}}};
  }
  std::vector<at::Tensor> initial_theta() const override {
    std::vector<at::Tensor> theta;
    for (const double start : {step_.step_mult, step_.out_mult, 1 - step_.momentum})
      theta.push_back(at::full({1}, std::log(start), at::kDouble));
    return theta;
  }
  void add_state(NamedTensors& state, int64_t members, int64_t total, const at::TensorOptions& options) const override {
    state.add("step_momentum", at::zeros({members, 1, total}, options));
  }

  at::Tensor update(std::span<const at::Tensor> theta, const StepInput& in, NamedTensors& state) const override {
    const auto multiplier = [&](size_t i) { return theta[i].exp().view({-1, 1, 1}); };
    const at::Tensor alpha = multiplier(0), beta = multiplier(1), one_minus_gamma = multiplier(2);
    const at::Tensor mom = at::lerp(in.old_state.at("step_momentum"), in.g.unsqueeze(1), one_minus_gamma);
    state.add("step_momentum", mom);
    return (at::addcmul(mom, beta, in.f) * alpha).squeeze(1);
  }

 private:
  StepDescription step_;
};

}  // namespace

std::unique_ptr<Step> learnable_residual_step(const StepDescription& step) {
  return std::make_unique<LearnableResidualStep>(step);
}

}  // namespace nfopt
