#include <nfopt/nflayers/layers/nfn/channels.h>
#include <nfopt/nflayers/layers/nfn/feed_forward.h>
#include <nfopt/nflayers/layers/nfn/learned_pos_embedding.h>
#include <nfopt/nflayers/random/tensor_random.h>

#include <map>
#include <utility>

namespace nfopt {

LearnedPosEmbeddingImpl::LearnedPosEmbeddingImpl(LearnedPosEmbeddingOptions given) : options(std::move(given)) {
  const WeightSpace& space = required_space(options.space(), "LearnedPosEmbedding");
  require_channels("LearnedPosEmbedding", options.channels(), options.channels());
  views_ = std::make_shared<const FeatureViews>(space, Fold::none());
  const int64_t c = options.channels();
  std::map<int, int> tables;  // label -> parameter
  if (const auto network = FeedForward::recognize(space)) {
    stored_ = {{"weight_emb.weight", {network->layers(), c}},
               {"bias_emb.weight", {network->layers(), c}},
               {"inp_emb.weight", {space.labels()[network->labels.front()].size, c}},
               {"out_emb.weight", {space.labels()[network->labels.back()].size, c}}};
    for (const ViewRole& role : view_roles(*network)) of_view_.push_back({role.bias ? 1U : 0U, role.layer});
    tables = {{network->labels.front(), 2}, {network->labels.back(), 3}};
  } else {
    stored_.push_back({"view_emb.weight", {static_cast<int64_t>(space.views().size()), c}});
    for (size_t v = 0; v < space.views().size(); ++v) of_view_.push_back({0, static_cast<int64_t>(v)});
    for (size_t l = 0; l < space.labels().size(); ++l) {
      const Label& label = space.labels()[l];
      if (label.type != LabelType::ordered) continue;
      tables[static_cast<int>(l)] = static_cast<int>(stored_.size());
      stored_.push_back({"label_emb_" + label.name + ".weight", {label.size, c}});  // "in" alone breaks archives
    }
  }
  for (const View& view : space.views()) {
    along_.emplace_back();
    for (const Factor& factor : view.factors) {
      const auto found = tables.find(factor.label);
      along_.back().push_back(found == tables.end() ? -1 : found->second);
    }
  }
  reset();
}

void LearnedPosEmbeddingImpl::reset() {
  own_ = ParameterList(*this, stored_);
  reset_parameters();
}

void LearnedPosEmbeddingImpl::reset_parameters() {
  const torch::NoGradGuard guard;
  auto tables = own_.in_order();
  for (size_t i = 0; i < tables.size(); ++i)
    fill_normal(tables[i], Rng(options.seed()).purpose(stored_[i].name), 0.0, 1.0);
}

void LearnedPosEmbeddingImpl::pretty_print(std::ostream& stream) const {
  stream << "nfopt::LearnedPosEmbedding(channels=" << options.channels() << ")";
}

std::vector<at::Tensor> LearnedPosEmbeddingImpl::forward(const std::vector<at::Tensor>& x) {
  const auto tables = own_.in_order();
  std::vector<at::Tensor> views = views_->fold(x);
  for (size_t v = 0; v < views.size(); ++v) {
    const size_t axes = along_[v].size();
    std::vector<int64_t> shape(1 + axes, 1);
    shape[0] = options.channels();
    at::Tensor code = tables[of_view_[v].parameter][of_view_[v].row].reshape(shape);
    for (size_t axis = 0; axis < axes; ++axis) {
      if (along_[v][axis] < 0) continue;
      std::vector<int64_t> along = shape;
      along[1 + axis] = tables[along_[v][axis]].size(0);
      code = code + tables[along_[v][axis]].t().reshape(along);
    }
    views[v] = views[v] + code;
  }
  return views_->unfold(views);
}

}  // namespace nfopt
