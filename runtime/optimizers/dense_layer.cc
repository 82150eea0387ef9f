#include <nfopt/nflayers/random/tensor_random.h>
#include <nfopt/runtime/optimizers/network_layer.h>
#include <torch/types.h>

#include <cmath>

namespace nfopt {
namespace {

class DenseLayer final : public NetworkLayer {
 public:
  DenseLayer(const LayerDescription& layer, DenseInit init) : c_in_(layer.c_in), c_out_(layer.c_out), init_(init) {}

  std::vector<ThetaShape> theta_shapes() const override { return {{"w", {c_in_, c_out_}}, {"b", {c_out_}}}; }
  std::vector<at::Tensor> initial_theta(const Rng& rng) const override {
    return {initial_dense_weight(c_in_, c_out_, init_, rng.purpose("w")), at::zeros({1, c_out_}, at::kDouble)};
  }
  at::Tensor apply(std::span<const at::Tensor> theta, const Features& x) const override {
    return (*pointwise(theta, x))(x.channels);
  }
  std::optional<PointwiseMap> pointwise(std::span<const at::Tensor> theta, const Features& x) const override {
    return pointwise_map(theta[0], theta[1], c_in_ - (x.constant.defined() ? x.constant.size(1) : 0), x.constant);
  }

 private:
  int64_t c_in_;
  int64_t c_out_;
  DenseInit init_;
};

}  // namespace

PointwiseMap pointwise_map(const at::Tensor& w, const at::Tensor& b, int64_t varying, const at::Tensor& constant) {
  PointwiseMap map;
  map.weight = w.transpose(1, 2);
  at::Tensor bias = b;
  if (constant.defined() && constant.numel() > 0) {
    map.weight = map.weight.narrow(2, 0, varying);
    // [P|1, K] times [P|1, K, C_out]: one side may have members and the other not.
    const at::Tensor added = at::matmul(constant.unsqueeze(1), w.narrow(1, varying, constant.size(1))).squeeze(1);
    bias = bias.defined() ? bias + added : added;
  }
  if (bias.defined()) map.bias = bias.unsqueeze(2);
  return map;
}

at::Tensor initial_dense_weight(int64_t c_in, int64_t c_out, DenseInit init, const Rng& rng) {
  // Standard deviation of a standard normal that is cut at +-2.
  constexpr double kCutDeviation = 0.87962566103423978;
  const double parent =
      1 / std::sqrt(static_cast<double>(c_in)) / (init == DenseInit::unit_variance ? kCutDeviation : 1);
  at::Tensor w = at::empty({1, c_in, c_out}, at::kDouble);
  return fill_truncated_normal(w, rng, parent);
}

std::unique_ptr<NetworkLayer> dense_layer(const LayerDescription& layer, DenseInit init) {
  return std::make_unique<DenseLayer>(layer, init);
}

}  // namespace nfopt
