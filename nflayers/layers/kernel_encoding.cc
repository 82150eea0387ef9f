#include <nfopt/nflayers/layers/kernel_encoding.h>
#include <nfopt/nflayers/layers/nfn/channels.h>
#include <nfopt/nflayers/layers/nfn/fourier_encode.h>

#include <algorithm>
#include <utility>

namespace nfopt {
namespace {

int64_t positions_of(const PlanView& view) {
  return std::count_if(view.folded.begin(), view.folded.end(), [](const PlanAxis& axis) { return axis.size > 1; });
}

/// [D * F] with D = axes * width, channel-major like features.
at::Tensor code_of(const PlanView& view, const KernelEncodingOptions& options) {
  const int64_t width = 2 * options.num_bands() + 1;
  std::vector<int64_t> sizes = {options.axes(), width};
  for (const PlanAxis& axis : view.folded) sizes.push_back(axis.size);
  at::Tensor code = at::zeros(sizes, at::kDouble);
  int64_t slot = 0;
  for (size_t a = 0; a < view.folded.size(); ++a) {
    const int64_t n = view.folded[a].size;
    if (n == 1) continue;
    const at::Tensor points = at::linspace(-1, 1, n, at::TensorOptions().dtype(at::kDouble));
    std::vector<int64_t> along(sizes.size() - 1, 1);
    along[0] = width;
    along[1 + a] = n;
    code[slot++].add_(fourier_encode(points, options.max_freq(), options.num_bands()).t().reshape(along));
  }
  return code.flatten();
}

}  // namespace

KernelEncodingImpl::KernelEncodingImpl(KernelEncodingOptions given) : options(std::move(given)) {
  const WeightSpace& space = required_space(options.space(), "KernelEncoding");
  require_channels("KernelEncoding", options.num_bands(), options.num_bands());
  views_ = std::make_shared<const FeatureViews>(space, Fold::fixed());
  int64_t most = 0;
  for (const PlanView& view : views_->views()) most = std::max(most, positions_of(view));
  if (options.axes() == 0) options.axes(most);
  std::string problems;
  for (const PlanView& view : views_->views())
    if (positions_of(view) > options.axes())
      problems += "\n       '" + view.name + "' has " + std::to_string(positions_of(view));
  if (!problems.empty())
    throw Error("layer", "KernelEncoding has room for " + std::to_string(options.axes()) + " fixed axes:" + problems +
                             "\n       Set axes to " + std::to_string(most) + " or more.");
  for (const PlanView& view : views_->views()) codes_.push_back(code_of(view, options));
}

void KernelEncodingImpl::pretty_print(std::ostream& stream) const {
  stream << "nfopt::KernelEncoding(axes=" << options.axes() << ", num_bands=" << options.num_bands() << ")";
}

std::vector<at::Tensor> KernelEncodingImpl::forward(const std::vector<at::Tensor>& x) {
  std::vector<at::Tensor> views = views_->fold(x);
  for (size_t v = 0; v < views.size(); ++v) {
    at::Tensor& view = views[v];
    std::vector<int64_t> sizes = view.sizes().vec(), alone(sizes.size(), 1);
    sizes[2] = alone[2] = codes_[v].size(0);
    view = at::cat({view, codes_[v].to(view.device(), view.scalar_type()).reshape(alone).expand(sizes)}, 2);
  }
  return views_->unfold(views);
}

}  // namespace nfopt
