#include <nfopt/nflayers/layers/nfn/learned_scale.h>
#include <nfopt/nflayers/layers/nfn/view_names.h>

namespace nfopt {

LearnedScaleImpl::LearnedScaleImpl(LearnedScaleOptions given)
    : options(std::move(given)),
      views_(std::make_shared<const FeatureViews>(required_space(options.space(), "LearnedScale"), Fold::none())) {
  reset();
}

void LearnedScaleImpl::reset() {
  std::vector<StoredParameter> parameters;
  for (const std::string& name : view_names(*options.space(), "weight_scales.", "bias_scales.", "scales."))
    parameters.push_back({name, {}});
  scales_ = ParameterList(*this, parameters);
  const torch::NoGradGuard guard;
  for (at::Tensor& scale : scales_.in_order()) scale.fill_(options.init_scale());
}

void LearnedScaleImpl::pretty_print(std::ostream& stream) const {
  stream << "nfopt::LearnedScale(init_scale=" << options.init_scale() << ")";
}

std::vector<at::Tensor> LearnedScaleImpl::forward(const std::vector<at::Tensor>& x) {
  std::vector<at::Tensor> views = views_->fold(x);
  const auto scales = scales_.in_order();
  for (size_t v = 0; v < views.size(); ++v) views[v] = views[v] * scales[v];
  return views_->unfold(views);
}

}  // namespace nfopt
