#include <nfopt/nflayers/layers/kernel_pos_embedding.h>
#include <nfopt/nflayers/layers/nfn/channels.h>
#include <nfopt/nflayers/random/tensor_random.h>

#include <sstream>
#include <utility>

namespace nfopt {

KernelPosEmbeddingImpl::KernelPosEmbeddingImpl(KernelPosEmbeddingOptions given) : options(std::move(given)) {
  const WeightSpace& space = required_space(options.space(), "KernelPosEmbedding");
  require_channels("KernelPosEmbedding", options.channels(), options.channels());
  views_ = std::make_shared<const FeatureViews>(space, Fold::fixed());
  for (size_t v = 0; v < views_->views().size(); ++v) {
    const PlanView& view = views_->views()[v];
    if (view.folded_size == 1) continue;
    std::vector<int64_t> shape = {options.channels()};
    for (const PlanAxis& axis : view.folded) shape.push_back(axis.size);
    stored_.push_back({"pos." + view.name, std::move(shape)});
    of_parameter_.push_back(v);
  }
  reset();
}

void KernelPosEmbeddingImpl::reset() {
  own_ = ParameterList(*this, stored_);
  reset_parameters();
}

void KernelPosEmbeddingImpl::reset_parameters() {
  const torch::NoGradGuard guard;
  auto embeddings = own_.in_order();
  for (size_t i = 0; i < embeddings.size(); ++i)
    fill_normal(embeddings[i], Rng(options.seed()).purpose(stored_[i].name), 0, options.scale());
}

void KernelPosEmbeddingImpl::pretty_print(std::ostream& stream) const {
  stream << "nfopt::KernelPosEmbedding(channels=" << options.channels() << ", kernels=" << stored_.size() << ")";
}

std::vector<at::Tensor> KernelPosEmbeddingImpl::forward(const std::vector<at::Tensor>& x) {
  std::vector<at::Tensor> views = views_->fold(x);
  const auto embeddings = own_.in_order();
  for (size_t i = 0; i < embeddings.size(); ++i) {
    at::Tensor& view = views[of_parameter_[i]];
    std::vector<int64_t> sizes(view.dim() - 2, 1);  // channels c * F + k, axes
    sizes.front() = embeddings[i].numel();
    if (view.size(2) != sizes.front()) {
      std::ostringstream received;
      received << x[views_->plan().sources[views_->views()[of_parameter_[i]].source].tensors.front()].sizes();
      throw Error("layer", "'" + stored_[i].name.substr(4) + "': expected features [P, B, " +
                               std::to_string(options.channels()) + ", ...], received " + received.str() + ".");
    }
    view = view + embeddings[i].reshape(sizes);
  }
  return views_->unfold(views);
}

}  // namespace nfopt
