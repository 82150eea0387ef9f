#pragma once

#include <ATen/core/Tensor.h>
#include <nfopt/nflayers/random/rng.h>
#include <nfopt/runtime/optimizers/feature_builder.h>

#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace nfopt {

/// Name and shape, without the population dimension, of one meta-parameter.
using ThetaShape = std::pair<std::string, std::vector<int64_t>>;

/// One linear layer of an update network, as a pure function of its meta-parameters.
class NetworkLayer {
 public:
  virtual ~NetworkLayer() = default;

  /// Names without the layer's prefix.
  virtual std::vector<ThetaShape> theta_shapes() const = 0;
  /// Fresh values in this order, [1, ...] each, float64 on the CPU.
  virtual std::vector<at::Tensor> initial_theta(const Rng& rng) const = 0;
  /// theta [P|1, ...] in this order, x [P, C_in, N]  ->  [P, C_out, N], a tensor nobody else holds.
  virtual at::Tensor apply(std::span<const at::Tensor> theta, const Features& x) const = 0;
};

std::unique_ptr<NetworkLayer> dense_layer(const LayerDescription& layer, DenseInit init);
std::unique_ptr<NetworkLayer> unf_layer(const LayerDescription& layer, const WeightSpace& space, const Fold& fold,
                                        DenseInit init, std::shared_ptr<const ParameterLayout> layout);

/// x w + b with w [P|1, C_in, C_out] and b [P|1, C_out] or undefined: one matrix product for all elements of all
/// tensors. Constant channels go into the bias.
at::Tensor dense(const at::Tensor& w, const at::Tensor& b, const Features& x);
/// [1, c_in, c_out]
at::Tensor initial_dense_weight(int64_t c_in, int64_t c_out, DenseInit init, const Rng& rng);

}  // namespace nfopt
