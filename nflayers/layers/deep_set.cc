#include <nfopt/nflayers/layers/deep_set.h>
#include <nfopt/nflayers/layers/nfn/channels.h>

#include <utility>

namespace nfopt {

DeepSetLinearImpl::DeepSetLinearImpl(DeepSetLinearOptions given) : options(std::move(given)) {
  require_channels("DeepSetLinear", options.in_channels(), options.out_channels());
  reset();
}

void DeepSetLinearImpl::reset() {
  theta_ = register_parameter("theta", torch::zeros({2, options.in_channels(), options.out_channels()}));
  bias_ = register_parameter("bias", torch::zeros({options.out_channels()}));
  reset_parameters();
}

void DeepSetLinearImpl::reset_parameters() {
  const torch::NoGradGuard guard;
  fill_deep_set_theta(theta_, Rng(options.seed()).purpose("theta"));
  bias_.zero_();
}

void DeepSetLinearImpl::pretty_print(std::ostream& stream) const {
  stream << "nfopt::DeepSetLinear(in_channels=" << options.in_channels() << ", out_channels=" << options.out_channels()
         << ")";
}

std::vector<at::Tensor> DeepSetLinearImpl::forward(const std::vector<at::Tensor>& x) {
  return deep_set_map(theta_.unsqueeze(0), bias_.unsqueeze(0), x);
}

}  // namespace nfopt
