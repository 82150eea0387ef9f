#include <nfopt/nflayers/layers/deep_set_map.h>
#include <nfopt/runtime/optimizers/network_layer.h>
#include <torch/types.h>

namespace nfopt {
namespace {

/// One set of all elements: y = x w + mean(x) u + b.
class DeepSetLayer final : public NetworkLayer {
 public:
  explicit DeepSetLayer(const LayerDescription& layer) : c_in_(layer.c_in), c_out_(layer.c_out) {}

  std::vector<ThetaShape> theta_shapes() const override { return {{"theta", {2, c_in_, c_out_}}, {"bias", {c_out_}}}; }

  std::vector<at::Tensor> initial_theta(const Rng& rng) const override {
    at::Tensor theta = at::empty({1, 2, c_in_, c_out_}, at::kDouble);
    fill_deep_set_theta(theta, rng.purpose("theta"));
    return {theta, at::zeros({1, c_out_}, at::kDouble)};
  }

  at::Tensor apply(std::span<const at::Tensor> theta, const Features& x) const override {
    // All elements lie end to end already: one tensor is the whole set.
    return deep_set_map(theta[0], theta[1], {x.joined().unsqueeze(1)}).front().squeeze(1);
  }

 private:
  int64_t c_in_, c_out_;
};

}  // namespace

std::unique_ptr<NetworkLayer> deep_set_layer(const LayerDescription& layer) {
  return std::make_unique<DeepSetLayer>(layer);
}

}  // namespace nfopt
