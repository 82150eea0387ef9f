#pragma once

#include <ATen/core/Tensor.h>
#include <nfopt/nflayers/spec/export.h>

namespace nfopt::ops {

/// What batch normalisation remembers: means and variances [P, C], steps [P]. Steps are counted in the tensors' own
/// floating-point type.
struct RunningStatistics {
  at::Tensor& mean;
  at::Tensor& variance;
  at::Tensor& steps;
};

struct BatchNormOptions {
  double momentum = 0.1;  ///< share of the batch in the running statistics
  double epsilon = 1e-5;
};

/// Batch normalisation by the statistics of this batch, as in training.
///
///   y = (x - mean) / sqrt(variance + epsilon) * weight + bias        per member and channel, over B and the axes
///   running <- (1 - momentum) * running + momentum * batch           the variance of the batch divided by n - 1
///
/// Shapes   x [P, B, C, axes..]   weight, bias [P, C]   ->  [P, B, C, axes..]
/// Writes `running` (outside of autograd); a statistic that members share in memory gets memory of its own.
/// Throws Error when shapes disagree, or when a channel has a single value.
/// Paper    Ioffe, Szegedy, arXiv:1502.03167
NFOPT_API at::Tensor batch_norm_in_training(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                                            const RunningStatistics& running, const BatchNormOptions& options = {});

/// The same by the running statistics [P, C], as in evaluation. Writes nothing.
NFOPT_API at::Tensor batch_norm_in_evaluation(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                                              const at::Tensor& running_mean, const at::Tensor& running_variance,
                                              double epsilon = BatchNormOptions().epsilon);

}  // namespace nfopt::ops
