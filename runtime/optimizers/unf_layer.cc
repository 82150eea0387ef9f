#include <nfopt/nflayers/layers/unf_linear_map.h>
#include <nfopt/runtime/optimizers/network_layer.h>
#include <torch/types.h>

namespace nfopt {
namespace {

class UnfLayer final : public NetworkLayer {
 public:
  UnfLayer(const LayerDescription& layer, std::shared_ptr<const Plan> plan, DenseInit init,
           std::shared_ptr<const ParameterLayout> layout)
      : map_(std::move(plan), layer.c_in, layer.c_out),
        pointwise_(layer.type == LayerType::unf_plus_pointwise),
        init_(init),
        layout_(std::move(layout)) {}

  std::vector<ThetaShape> theta_shapes() const override {
    std::vector<ThetaShape> shapes;
    for (const StoredParameter& parameter : map_.parameters()) shapes.emplace_back(parameter.name, parameter.shape);
    if (pointwise_) shapes.push_back({"pointwise.w", {map_.in_channels(), map_.out_channels()}});
    return shapes;
  }

  std::vector<at::Tensor> initial_theta(const Rng& rng) const override {
    if (!pointwise_) return map_.initial_parameters(rng, 1.0);
    // Published: beside a pointwise part the equivariant part starts as 0.
    std::vector<at::Tensor> theta = map_.initial_parameters(rng, 0.0);
    theta.push_back(initial_dense_weight(map_.in_channels(), map_.out_channels(), init_, rng.purpose("pointwise.w")));
    return theta;
  }

  at::Tensor apply(std::span<const at::Tensor> theta, const Features& x) const override {
    const size_t n = map_.parameters().size();
    const std::vector<at::Tensor> parameters(theta.begin(), theta.begin() + static_cast<std::ptrdiff_t>(n));
    const at::Tensor y = layout_->flatten_features(map_(parameters, layout_->features(x.joined())));
    if (!pointwise_) return y;
    return y + pointwise_map(theta[n], {}, x.channels.size(1), x.constant)(x.channels);
  }

 private:
  UnfLinearMap map_;
  bool pointwise_;
  DenseInit init_;
  std::shared_ptr<const ParameterLayout> layout_;
};

}  // namespace

std::unique_ptr<NetworkLayer> unf_layer(const LayerDescription& layer, std::shared_ptr<const Plan> plan, DenseInit init,
                                        std::shared_ptr<const ParameterLayout> layout) {
  return std::make_unique<UnfLayer>(layer, std::move(plan), init, std::move(layout));
}

}  // namespace nfopt
