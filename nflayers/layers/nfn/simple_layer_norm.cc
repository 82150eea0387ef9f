#include <nfopt/nflayers/layers/nfn/channel_layer_norm.h>
#include <nfopt/nflayers/layers/nfn/channels.h>
#include <nfopt/nflayers/layers/nfn/simple_layer_norm.h>
#include <nfopt/nflayers/layers/nfn/view_names.h>

namespace nfopt {

SimpleLayerNormImpl::SimpleLayerNormImpl(SimpleLayerNormOptions given)
    : options(std::move(given)),
      views_(std::make_shared<const FeatureViews>(required_space(options.space(), "SimpleLayerNorm"), Fold::fixed())) {
  require_channels("SimpleLayerNorm", options.channels(), options.channels());
  reset();
}

void SimpleLayerNormImpl::reset() {
  const auto names = view_names(*options.space(), "w_norms.", "v_norms.", "norms.");
  std::vector<StoredParameter> parameters;
  for (size_t v = 0; v < names.size(); ++v) {
    const int64_t channels = options.channels() * views_->views()[v].folded_size;
    parameters.push_back({names[v] + ".gamma", {channels}});
    parameters.push_back({names[v] + ".beta", {channels}});
  }
  own_ = ParameterList(*this, parameters);
  const torch::NoGradGuard guard;
  const auto p = own_.in_order();
  for (size_t i = 0; i < p.size(); i += 2) p[i].fill_(1);
}

void SimpleLayerNormImpl::pretty_print(std::ostream& stream) const {
  stream << "nfopt::SimpleLayerNorm(channels=" << options.channels() << ")";
}

std::vector<at::Tensor> SimpleLayerNormImpl::forward(const std::vector<at::Tensor>& x) {
  const auto p = own_.in_order();
  std::vector<at::Tensor> views = views_->fold(x);
  for (size_t v = 0; v < views.size(); ++v) views[v] = channel_layer_norm(views[v], p[2 * v], p[2 * v + 1], 1e-5);
  return views_->unfold(views);
}

}  // namespace nfopt
