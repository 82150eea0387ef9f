#pragma once

#include <ATen/core/Tensor.h>
#include <nfopt/nflayers/plan/plan.h>
#include <nfopt/nflayers/random/rng.h>
#include <nfopt/runtime/optimizers/feature_builder.h>
#include <nfopt/runtime/optimizers/pointwise_chain.h>

#include <memory>
#include <optional>
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
  /// The layer as a pointwise map, if that is all it is. Constant channels of x are in the bias then.
  virtual std::optional<PointwiseMap> pointwise(std::span<const at::Tensor> /*theta*/, const Features& /*x*/) const {
    return std::nullopt;
  }
  /// theta [P|1, ...] in this order, x [P, C_in, N]  ->  [P, C_out, N], a tensor nobody else holds.
  virtual at::Tensor apply(std::span<const at::Tensor> theta, const Features& x) const = 0;
};

std::unique_ptr<NetworkLayer> dense_layer(const LayerDescription& layer, DenseInit init);
/// `plan` is that of the weight space and fold; all layers of a network share one.
std::unique_ptr<NetworkLayer> unf_layer(const LayerDescription& layer, std::shared_ptr<const Plan> plan, DenseInit init,
                                        std::shared_ptr<const ParameterLayout> layout);

std::unique_ptr<NetworkLayer> unf_pool_layer(const WeightSpace& space, std::shared_ptr<const ParameterLayout> layout);
std::unique_ptr<NetworkLayer> deep_set_layer(const LayerDescription& layer);

/// x w + b with w [P|1, C_in, C_out] and b [P|1, C_out] or undefined, for `varying` channels of x that differ per
/// element and constant ones after them, which go into the bias.
PointwiseMap pointwise_map(const at::Tensor& w, const at::Tensor& b, int64_t varying, const at::Tensor& constant);
/// [1, c_in, c_out]
at::Tensor initial_dense_weight(int64_t c_in, int64_t c_out, DenseInit init, const Rng& rng);

}  // namespace nfopt
