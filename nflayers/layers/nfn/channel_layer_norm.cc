#include <nfopt/nflayers/layers/nfn/channel_layer_norm.h>
#include <nfopt/nflayers/layers/nfn/channels.h>

#include <sstream>
#include <utility>

namespace nfopt {

at::Tensor channel_layer_norm(const at::Tensor& x, const at::Tensor& gamma, const at::Tensor& beta, double eps) {
  if (x.dim() < 3 || x.size(2) != gamma.size(0)) {
    std::ostringstream shape;
    shape << x.sizes();
    throw Error("layer", "a channel norm expects [P, B, " + std::to_string(gamma.size(0)) + ", ...], received " +
                             shape.str() + ".");
  }
  std::vector<int64_t> sizes(static_cast<size_t>(x.dim()) - 2, 1);
  sizes[0] = gamma.size(0);
  const at::Tensor centred = x - x.mean(2, /*keepdim=*/true);
  const at::Tensor s = (centred.square().sum(2, /*keepdim=*/true) / static_cast<double>(x.size(2) - 1)).sqrt();
  return gamma.reshape(sizes) * (centred / (s + eps)) + beta.reshape(sizes);
}

ChannelLayerNormImpl::ChannelLayerNormImpl(ChannelLayerNormOptions given) : options(std::move(given)) {
  require_channels("ChannelLayerNorm", options.channels(), options.channels());
  reset();
}

void ChannelLayerNormImpl::reset() {
  own_ = ParameterList(*this, {{"gamma", {options.channels()}}, {"beta", {options.channels()}}});
  const torch::NoGradGuard guard;
  own_.in_order()[0].fill_(1);
}

void ChannelLayerNormImpl::pretty_print(std::ostream& stream) const {
  stream << "nfopt::ChannelLayerNorm(channels=" << options.channels() << ", eps=" << options.eps() << ")";
}

at::Tensor ChannelLayerNormImpl::forward(const at::Tensor& x) {
  const auto p = own_.in_order();
  return channel_layer_norm(x, p[0], p[1], options.eps());
}

}  // namespace nfopt
