#include <nfopt/nflayers/random/tensor_random.h>
#include <nfopt/runtime/optimizers/network_layer.h>
#include <torch/torch.h>

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
    return dense(theta[0], theta[1], x);
  }

 private:
  int64_t c_in_;
  int64_t c_out_;
  DenseInit init_;
};

}  // namespace

at::Tensor dense(const at::Tensor& w, const at::Tensor& b, const Features& x) {
  const int64_t members = x.channels.size(0);
  const int64_t varying = x.channels.size(1);
  const at::Tensor weight = w.narrow(1, 0, varying).transpose(1, 2).expand({members, -1, -1});
  at::Tensor bias = b;
  if (x.constant.defined() && x.constant.numel() > 0) {
    const at::Tensor constant = at::matmul(x.constant, w.narrow(1, varying, x.constant.size(0)));
    bias = bias.defined() ? bias + constant : constant;
  }
  return bias.defined() ? at::baddbmm(bias.unsqueeze(2), weight, x.channels) : at::bmm(weight, x.channels);
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
