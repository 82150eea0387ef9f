#include <nfopt/nflayers/layers/nfn/channels.h>
#include <nfopt/nflayers/layers/nfn/feed_forward.h>
#include <nfopt/nflayers/layers/nfn/param_layer_norm.h>

#include <numeric>
#include <utility>

namespace nfopt {

ParamLayerNormImpl::ParamLayerNormImpl(ParamLayerNormOptions given)
    : options(std::move(given)),
      views_(std::make_shared<const FeatureViews>(required_space(options.space(), "ParamLayerNorm"), Fold::all())),
      norms_(views_->views().size()) {
  require_channels("ParamLayerNorm", options.channels(), options.channels());
  if (const auto network = FeedForward::recognize(*options.space())) {
    if (network->layers() == 1) {
      for (ViewNorm& norm : norms_) norm.first_is_position = true;
    } else {
      norms_[network->weights.back()].stored_transposed = true;
    }
  }
  reset();
}

void ParamLayerNormImpl::reset() {
  const auto network = FeedForward::recognize(*options.space());
  const auto roles = network ? view_roles(*network) : std::vector<ViewRole>();
  std::vector<StoredParameter> parameters;
  for (size_t v = 0; v < norms_.size(); ++v) {
    const PlanView& view = views_->views()[v];
    std::vector<int64_t> shape = {options.channels()};
    for (size_t f = norms_[v].first_is_position ? 1 : 0; f < view.folded.size(); ++f)
      shape.push_back(view.folded[f].size);
    if (norms_[v].stored_transposed) std::swap(shape[0], shape[1]);
    const std::string name =
        network ? "norm" + std::to_string(roles[v].layer) + (roles[v].bias ? "_v" : "_w") : "norms." + view.name;
    parameters.push_back({name + ".weight", shape});
    parameters.push_back({name + ".bias", shape});
  }
  own_ = ParameterList(*this, parameters);
  const torch::NoGradGuard guard;
  const auto p = own_.in_order();
  for (size_t i = 0; i < p.size(); i += 2) p[i].fill_(1);
}

void ParamLayerNormImpl::pretty_print(std::ostream& stream) const {
  stream << "nfopt::ParamLayerNorm(channels=" << options.channels() << ")";
}

std::vector<at::Tensor> ParamLayerNormImpl::forward(const std::vector<at::Tensor>& x) {
  const auto p = own_.in_order();
  std::vector<at::Tensor> views = views_->fold(x);
  for (size_t v = 0; v < views.size(); ++v) {
    const PlanView& view = views_->views()[v];
    at::Tensor t = views_->split_channels(v, views[v]);  // [P, B, C, folded..., axes...]
    if (t.size(2) != options.channels())
      throw Error("layer", "ParamLayerNorm of " + std::to_string(options.channels()) + " channels received " +
                               std::to_string(t.size(2)) + " for '" + view.name + "'.");
    std::vector<int64_t> over = {2};
    for (size_t f = norms_[v].first_is_position ? 1 : 0; f < view.folded.size(); ++f)
      over.push_back(static_cast<int64_t>(3 + f));
    auto affine = [&](at::Tensor stored) {
      if (norms_[v].stored_transposed) stored = stored.transpose(0, 1);
      if (norms_[v].first_is_position) stored = stored.unsqueeze(1);
      for (size_t axis = 0; axis < view.axes.size(); ++axis) stored = stored.unsqueeze(-1);
      return stored;
    };
    const at::Tensor centred = t - t.mean(over, /*keepdim=*/true);
    const at::Tensor deviation = (centred.square().mean(over, /*keepdim=*/true) + 1e-5).sqrt();
    t = centred / deviation * affine(p[2 * v]) + affine(p[2 * v + 1]);
    views[v] = views_->join_channels(v, t);
  }
  return views_->unfold(views);
}

}  // namespace nfopt
