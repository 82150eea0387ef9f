#include <nfopt/nflayers/layers/nfn/feed_forward.h>
#include <nfopt/nflayers/layers/nfn/np_pool.h>

namespace nfopt {

PoolBase::PoolBase(const NPPoolOptions& options, const Fold& fold, const char* layer)
    : views_(std::make_shared<const FeatureViews>(required_space(options.space(), layer), fold)) {
  const auto network = FeedForward::recognize(*options.space());
  // One layer: its weight has both the input and the output axis. nfn keeps the columns apart and averages the rows.
  if (fold.mode == Fold::Mode::all && network && network->layers() == 1) rows_averaged_ = network->weights.front();
}

int64_t PoolBase::num_outs() const {
  int64_t result = 0;
  for (size_t v = 0; v < views_->views().size(); ++v) {
    const PlanView& view = views_->views()[v];
    result += static_cast<int>(v) == rows_averaged_ ? view.folded_size / view.folded.front().size : view.folded_size;
  }
  return result;
}

at::Tensor PoolBase::operator()(const std::vector<at::Tensor>& x) const {
  const std::vector<at::Tensor> views = views_->fold(x);
  std::vector<at::Tensor> means;
  means.reserve(views.size());
  for (size_t v = 0; v < views.size(); ++v) {
    const PlanView& view = views_->views()[v];
    at::Tensor mean = view.axes.empty() ? views[v] : views[v].flatten(3).mean(3);
    mean = mean.reshape({mean.size(0), mean.size(1), mean.size(2) / view.folded_size, view.folded_size});
    if (static_cast<int>(v) == rows_averaged_)
      mean = mean.unflatten(3, {view.folded.front().size, view.folded_size / view.folded.front().size}).mean(3);
    means.push_back(std::move(mean));
  }
  return at::cat(means, 3);
}

}  // namespace nfopt
