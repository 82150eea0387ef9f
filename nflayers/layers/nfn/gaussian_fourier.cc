#include <nfopt/nflayers/layers/nfn/channel_linear.h>
#include <nfopt/nflayers/layers/nfn/channels.h>
#include <nfopt/nflayers/layers/nfn/gaussian_fourier.h>
#include <nfopt/nflayers/random/tensor_random.h>

#include <numbers>
#include <utility>

namespace nfopt {

GaussianFourierFeatureTransformImpl::GaussianFourierFeatureTransformImpl(GaussianFourierOptions given)
    : options(std::move(given)) {
  require_channels("GaussianFourierFeatureTransform", options.in_channels(), options.mapping_size());
  reset();
}

void GaussianFourierFeatureTransformImpl::reset() {
  at::Tensor drawn = torch::empty({options.in_channels(), options.mapping_size()});
  fill_normal(drawn, Rng(options.seed()).purpose("_B"), 0.0, options.scale());
  frequencies_ = register_buffer("_B", drawn);
}

void GaussianFourierFeatureTransformImpl::pretty_print(std::ostream& stream) const {
  stream << "nfopt::GaussianFourierFeatureTransform(in_channels=" << options.in_channels()
         << ", mapping_size=" << options.mapping_size() << ", scale=" << options.scale() << ")";
}

std::vector<at::Tensor> GaussianFourierFeatureTransformImpl::forward(const std::vector<at::Tensor>& x) {
  const at::Tensor matrix = frequencies_.t() * (2 * std::numbers::pi);
  std::vector<at::Tensor> y;
  for (const at::Tensor& t : x) {
    const at::Tensor u = map_channels(t, matrix, {});
    y.push_back(at::cat({u.sin(), u.cos()}, 2));
  }
  return y;
}

}  // namespace nfopt
