#pragma once

#include <ATen/core/Tensor.h>
#include <nfopt/nflayers/kernels/aten/executor.h>
#include <nfopt/nflayers/plan/plan.h>
#include <nfopt/nflayers/spec/weight_space.h>

#include <memory>
#include <vector>

namespace nfopt {

/// Mixing without parameters: every entry becomes the mean over all basis terms of its tensor, channel by channel.
///
///   y_v = 1/n_v  sum over views w, partitions P of  E_P(x_w)          n_v = number of terms that write view v
///
/// It stands between dense layers that all tensors share, so that a network's parameters do not know the weight space
/// and run on every architecture (the heterogeneous variant of UNF's research code).
/// Shapes   x [P, B, C, shape...] per tensor of the space  ->  y of the same shapes
/// Group    commutes with the layer group of Fold::none(), which contains every other.
/// Errors   Error("layer", ..) lists every tensor whose shape, dtype or device does not fit.
/// Cost     that of one UNF layer with one channel and batch B * C: no product mixes channels.
/// Paper    NFPool of the code of arXiv:2402.05232
/// [any-thread] immutable; differentiable.
class NFOPT_API UnfPoolMap {
 public:
  explicit UnfPoolMap(const WeightSpace& space);

  std::vector<at::Tensor> operator()(const std::vector<at::Tensor>& x) const;

 private:
  std::shared_ptr<const Plan> plan_;
  Coefficients coefficients_;  // one channel, float64 on the CPU
};

}  // namespace nfopt
