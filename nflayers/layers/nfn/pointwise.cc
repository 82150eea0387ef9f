#include <nfopt/nflayers/layers/nfn/channels.h>
#include <nfopt/nflayers/layers/nfn/feature_views.h>
#include <nfopt/nflayers/layers/nfn/pointwise.h>

#include <utility>

namespace nfopt {

PointwiseImpl::PointwiseImpl(PointwiseOptions given) : options(std::move(given)) {
  const WeightSpace& space = required_space(options.space(), "Pointwise");
  require_channels("Pointwise", options.in_channels(), options.out_channels());
  auto plan = std::make_shared<const Plan>(pointwise_plan(space));
  layer_ = AffineLayer(plan, options.in_channels(), options.out_channels(),
                       pointwise_layout(space, *plan, options.in_channels(), options.out_channels()));
  reset();
}

void PointwiseImpl::reset() {
  layer_.register_in(*this);
  reset_parameters();
}

void PointwiseImpl::reset_parameters() { layer_.draw(Rng(options.seed()), InitType::pytorch_default); }

void PointwiseImpl::pretty_print(std::ostream& stream) const {
  stream << "nfopt::Pointwise(in_channels=" << options.in_channels() << ", out_channels=" << options.out_channels()
         << ")";
}

std::vector<at::Tensor> PointwiseImpl::forward(const std::vector<at::Tensor>& x) { return layer_(x); }

}  // namespace nfopt
