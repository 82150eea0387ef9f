#include <nfopt/nflayers/layers/nfn/channel_dropout.h>
#include <nfopt/nflayers/layers/nfn/dropout.h>

#include <algorithm>

namespace nfopt {

ChannelDropoutImpl::ChannelDropoutImpl(ChannelDropoutOptions given)
    : options(std::move(given)),
      views_(std::make_shared<const FeatureViews>(required_space(options.space(), "ChannelDropout"), Fold::fixed())) {
  require_probability("ChannelDropout", options.dropout());
}

void ChannelDropoutImpl::pretty_print(std::ostream& stream) const {
  stream << "nfopt::ChannelDropout(dropout=" << options.dropout() << ")";
}

std::vector<at::Tensor> ChannelDropoutImpl::forward(const std::vector<at::Tensor>& x) {
  if (!is_training() || options.dropout() == 0) return x;
  const Rng rng = Rng(options.seed()).purpose("channel_dropout").index(passes_++);
  std::vector<at::Tensor> views = views_->fold(x);
  for (size_t v = 0; v < views.size(); ++v) {
    std::vector<int64_t> sizes = views[v].sizes().vec();
    if (views_->views()[v].axes.size() >= 2) std::fill(sizes.begin() + 3, sizes.end(), 1);
    views[v] = dropped(views[v], sizes, options.dropout(), rng.index(v));
  }
  return views_->unfold(views);
}

}  // namespace nfopt
