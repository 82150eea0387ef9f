#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace nfopt {

/// AdamW (arXiv:1711.05101) for parameters that no weight space covers.
struct FallbackOptions {
  double lr = 1e-3;  ///< multiplied by the lr of the parameter's group, so that schedules reach it
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double weight_decay = 1e-2;  ///< decoupled: p <- p - lr * weight_decay * p
};

/// Accumulators of one parameter.
struct FallbackState {
  int64_t steps = 0;
  at::Tensor mean;    ///< m <- b1 m + (1-b1) g
  at::Tensor square;  ///< v <- b2 v + (1-b2) g^2
};

/// p <- p - lr * wd * p - lr * mhat / (sqrt(vhat) + eps), in place on `parameter` and `state`.
void fallback_step(const at::Tensor& parameter, const at::Tensor& gradient, FallbackState& state,
                   const FallbackOptions& options, double lr_scale);

}  // namespace nfopt
