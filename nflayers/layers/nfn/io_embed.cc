#include <nfopt/nflayers/layers/nfn/feed_forward.h>
#include <nfopt/nflayers/layers/nfn/io_embed.h>

namespace nfopt {

IoEmbed::IoEmbed(const WeightSpace& space, int64_t channels)
    : views_(std::make_shared<const FeatureViews>(space, Fold::fixed())) {
  const auto network = FeedForward::recognize(space);
  const auto roles = network ? view_roles(*network) : std::vector<ViewRole>();
  const auto layers = fold_views(space, Fold::fixed());
  for (size_t v = 0; v < layers.size(); ++v) {
    for (size_t a = 0; a < layers[v].axes.size(); ++a) {
      const int label = layers[v].axes[a].label;
      if (label >= static_cast<int>(space.labels().size()) || space.labels()[label].type != LabelType::ordered)
        continue;
      std::vector<int64_t> shape = {1, channels * layers[v].folded_size};
      for (size_t other = 0; other < layers[v].axes.size(); ++other)
        shape.push_back(other == a ? layers[v].axes[a].size : 1);
      std::string name = "embed." + space.views()[v].name + "." + std::to_string(a);
      if (network) name = roles[v].bias ? "out_bias_embed" : a == 1 ? "in_embed" : "out_embed";
      parameters_.push_back({std::move(name), std::move(shape)});
      places_.push_back({v, a});
    }
  }
}

std::vector<at::Tensor> IoEmbed::operator()(const std::vector<at::Tensor>& embeddings,
                                            const std::vector<at::Tensor>& x) const {
  std::vector<at::Tensor> views = views_->fold(x);
  for (size_t i = 0; i < places_.size(); ++i)
    views[places_[i].view] = views[places_[i].view] + embeddings[i].unsqueeze(0);
  return views_->unfold(views);
}

}  // namespace nfopt
