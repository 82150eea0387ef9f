#include <nfopt/nflayers/layers/unf_pool_map.h>
#include <nfopt/runtime/optimizers/network_layer.h>
#include <torch/types.h>

namespace nfopt {
namespace {

class UnfPoolLayer final : public NetworkLayer {
 public:
  UnfPoolLayer(const WeightSpace& space, std::shared_ptr<const ParameterLayout> layout)
      : map_(space), layout_(std::move(layout)) {}

  std::vector<ThetaShape> theta_shapes() const override { return {}; }
  std::vector<at::Tensor> initial_theta(const Rng&) const override { return {}; }
  at::Tensor apply(std::span<const at::Tensor>, const Features& x) const override {
    return layout_->flatten_features(map_(layout_->features(x.joined())));
  }

 private:
  UnfPoolMap map_;
  std::shared_ptr<const ParameterLayout> layout_;
};

}  // namespace

std::unique_ptr<NetworkLayer> unf_pool_layer(const WeightSpace& space, std::shared_ptr<const ParameterLayout> layout) {
  return std::make_unique<UnfPoolLayer>(space, std::move(layout));
}

}  // namespace nfopt
