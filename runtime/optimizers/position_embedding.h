#pragma once

#include <nfopt/runtime/optimizers/network_layer.h>

namespace nfopt {

/// Learned arrays [H, W, 1, 1, C] added on the rank-4 tensors [H, W, in, out] of a space: where in a kernel an element
/// sits. One array per tensor (`pos.<name>`), or one for all of them (`pos`; they must share H and W).
/// Fresh values are N(0, 0.17^2).
class PositionEmbedding {
 public:
  enum class Sharing { per_tensor, one_for_all };
  PositionEmbedding(Sharing sharing, int64_t channels, std::shared_ptr<const ParameterLayout> layout);

  std::vector<ThetaShape> theta_shapes() const;
  std::vector<at::Tensor> initial_theta(const Rng& rng) const;
  at::Tensor add_to(const at::Tensor& y, std::span<const at::Tensor> theta) const;  ///< y [P, C, N]

 private:
  Sharing sharing_;
  int64_t channels_;
  std::shared_ptr<const ParameterLayout> layout_;
  std::vector<size_t> kernels_;  ///< the rank-4 parameters
};

}  // namespace nfopt
