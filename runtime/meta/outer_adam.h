#pragma once

#include <ATen/core/Tensor.h>
#include <nfopt/runtime/optimizers/named_tensors.h>

#include <cstdint>

namespace nfopt {

/// Adam for theta, with global-norm clipping and a schedule.
struct OuterAdamOptions {
  double lr = 3e-4;
  double clip_norm = 1.0;  ///< 0: no clipping
  double beta1 = 0.9;
  double beta2 = 0.999;
  double eps = 1e-8;
  double eps_root = 1e-8;     ///< inside the root, too
  int64_t warmup_steps = 0;   ///< the rate grows linearly to lr over so many steps
  int64_t cosine_steps = 0;   ///< total steps of warm-up and cosine decay; 0: constant after the warm-up
  double final_factor = 0.1;  ///< of lr, from cosine_steps on
};

/// The rate of step i = 0, 1, ..:
///
///   i < warm-up    lr (i+1) / warm-up
///   cosine         lr (f + (1-f) (1 + cos(pi s)) / 2)      s = (i - warm-up) / (cosine_steps - warm-up), at most 1
NFOPT_API double outer_learning_rate(const OuterAdamOptions& options, int64_t step);

/// What one outer step did.
struct OuterStep {
  double learning_rate = 0;
  double gradient_norm = 0;  ///< before clipping
  int64_t non_finite = 0;    ///< entries of the gradient read as 0
};

/// The meta-optimizer:
///
///   n = |g|_2      g <- g clip_norm / n  if n >= clip_norm
///   m <- b1 m + (1-b1) g       v <- b2 v + (1-b2) g^2
///   theta <- theta - lr mhat / (sqrt(vhat + eps_root) + eps)           mhat, vhat bias-corrected
///
/// Entries of g that are not finite count as 0. float64 throughout; sums run in order, so that the result is the same
/// at any number of threads.
class NFOPT_API OuterAdam {
 public:
  /// Throws Error("meta", ..) that lists every option out of range.
  OuterAdam(const OuterAdamOptions& options, int64_t size);

  /// Steps theta [D] in place.
  OuterStep step(at::Tensor& theta, const at::Tensor& gradient);
  int64_t steps() const { return steps_; }

  /// `m` [D], `v` [D], `steps` [1].
  NamedTensors state() const;
  void load_state(const NamedTensors& state);

 private:
  OuterAdamOptions options_;
  at::Tensor m_, v_;
  int64_t steps_ = 0;
};

}  // namespace nfopt
