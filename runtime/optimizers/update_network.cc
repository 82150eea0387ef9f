#include <nfopt/runtime/optimizers/update_network.h>
#include <torch/types.h>

namespace nfopt {

UpdateNetwork::UpdateNetwork(const NetworkDescription& description, const WeightSpace& space,
                             const std::shared_ptr<const ParameterLayout>& layout) {
  for (size_t k = 0; k < description.layers.size(); ++k) {
    const LayerDescription& layer = description.layers[k];
    const auto add = [&](const std::vector<ThetaShape>& shapes) {
      for (const auto& [name, shape] : shapes) shapes_.emplace_back("L" + std::to_string(k) + "." + name, shape);
    };
    Entry& entry = layers_.emplace_back();
    entry.relu = layer.relu;
    entry.layer = make_layer(layer, description, space, layout);
    entry.first = shapes_.size();
    add(entry.layer->theta_shapes());
    entry.positions = shapes_.size();
    if (layer.position_embedding) {
      using Sharing = PositionEmbedding::Sharing;
      entry.position.emplace(layer.type == LayerType::dense ? Sharing::one_for_all : Sharing::per_tensor, layer.c_out,
                             layout);
      add(entry.position->theta_shapes());
    }
    entry.last = shapes_.size();
  }
}

std::unique_ptr<NetworkLayer> UpdateNetwork::make_layer(const LayerDescription& layer,
                                                        const NetworkDescription& description, const WeightSpace& space,
                                                        const std::shared_ptr<const ParameterLayout>& layout) {
  switch (layer.type) {
    case LayerType::dense:
      break;
    case LayerType::unf:
    case LayerType::unf_plus_pointwise:
      if (!plan_) plan_ = std::make_shared<const Plan>(build_plan(space, description.fold));
      return unf_layer(layer, plan_, description.dense_init, layout);
    case LayerType::unf_pool:
      return unf_pool_layer(space, layout);
    case LayerType::deep_set:
      return deep_set_layer(layer);
  }
  return dense_layer(layer, description.dense_init);
}

std::vector<at::Tensor> UpdateNetwork::initial_theta(const Rng& rng) const {
  std::vector<at::Tensor> theta;
  const auto add = [&](std::vector<at::Tensor> values) {
    std::move(values.begin(), values.end(), std::back_inserter(theta));
  };
  for (size_t k = 0; k < layers_.size(); ++k) {
    const Rng layer_rng = rng.purpose("L" + std::to_string(k));
    add(layers_[k].layer->initial_theta(layer_rng));
    if (layers_[k].position) add(layers_[k].position->initial_theta(layer_rng));
  }
  return theta;
}

at::Tensor UpdateNetwork::apply(std::span<const at::Tensor> theta, Features x) const {
  std::vector<PointwiseMap> chain;  // pointwise layers that wait for the next layer that is not
  const auto run_chain = [&] {
    if (!chain.empty()) x = {apply_chain(chain, x.channels), {}};
    chain.clear();
  };
  for (const Entry& entry : layers_) {
    const auto own = theta.subspan(entry.first, entry.positions - entry.first);
    if (!entry.position) {
      // Constant channels are for the first map only: the others read what it writes.
      if (auto map = entry.layer->pointwise(own, chain.empty() ? x : Features{})) {
        map->relu = entry.relu;
        chain.push_back(std::move(*map));
        continue;
      }
    }
    run_chain();
    at::Tensor y = entry.layer->apply(own, x);
    if (entry.position) y = entry.position->add_to(y, theta.subspan(entry.positions, entry.last - entry.positions));
    if (entry.relu) y = y.relu_();  // y is this layer's own
    x = {std::move(y), {}};
  }
  run_chain();
  return x.joined();
}

}  // namespace nfopt
