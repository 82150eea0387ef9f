#include <nfopt/nflayers/layers/nfn/channels.h>
#include <nfopt/nflayers/layers/nfn/feature_views.h>
#include <nfopt/nflayers/layers/nfn/hnp_linear.h>

#include <utility>

namespace nfopt {

HNPLinearImpl::HNPLinearImpl(HNPLinearOptions given) : options(std::move(given)) {
  const WeightSpace& space = required_space(options.space(), "HNPLinear");
  require_channels("HNPLinear", options.in_channels(), options.out_channels());
  auto plan = std::make_shared<const Plan>(build_plan(space, Fold::all()));
  layer_ = AffineLayer(plan, options.in_channels(), options.out_channels(),
                       hnp_layout(space, *plan, options.in_channels(), options.out_channels()));
  reset();
}

void HNPLinearImpl::reset() {
  layer_.register_in(*this);
  reset_parameters();
}

void HNPLinearImpl::reset_parameters() { layer_.draw(Rng(options.seed()), InitType::pytorch_default); }

void HNPLinearImpl::pretty_print(std::ostream& stream) const {
  stream << "nfopt::HNPLinear(in_channels=" << options.in_channels() << ", out_channels=" << options.out_channels()
         << ", tensors=" << layer_.map().plan()->tensors.size() << ")";
}

std::vector<at::Tensor> HNPLinearImpl::forward(const std::vector<at::Tensor>& x) { return layer_(x); }

}  // namespace nfopt
