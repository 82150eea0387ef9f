#include <nfopt/runtime/optimizers/fallback_adamw.h>
#include <torch/types.h>

#include <cmath>

namespace nfopt {

void fallback_step(const at::Tensor& parameter, const at::Tensor& gradient, FallbackState& state,
                   const FallbackOptions& options, double lr_scale) {
  const double lr = options.lr * lr_scale;
  const auto t = static_cast<double>(++state.steps);
  parameter.mul_(1 - lr * options.weight_decay);
  state.mean.mul_(options.beta1).add_(gradient, 1 - options.beta1);
  state.square.mul_(options.beta2).addcmul_(gradient, gradient, 1 - options.beta2);
  const double mean_correction = 1 - std::pow(options.beta1, t);
  const double square_correction = 1 - std::pow(options.beta2, t);
  const at::Tensor denominator = (state.square / square_correction).sqrt_().add_(options.epsilon);
  parameter.addcdiv_(state.mean, denominator, -lr / mean_correction);
}

}  // namespace nfopt
