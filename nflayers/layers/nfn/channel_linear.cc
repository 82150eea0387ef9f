#include <nfopt/nflayers/layers/nfn/channel_linear.h>
#include <nfopt/nflayers/layers/nfn/channels.h>
#include <nfopt/nflayers/layers/nfn/init.h>

#include <sstream>
#include <utility>

namespace nfopt {

at::Tensor map_channels(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
  if (x.dim() < 3 || x.size(2) != weight.size(1)) {
    std::ostringstream shape;
    shape << x.sizes();
    throw Error("layer", "a map over channels expects [P, B, " + std::to_string(weight.size(1)) + ", ...], received " +
                             shape.str() + ".");
  }
  std::vector<int64_t> sizes = x.sizes().vec();
  sizes[2] = weight.size(0);
  at::Tensor y = at::matmul(weight, x.flatten(0, 1).reshape({x.size(0) * x.size(1), x.size(2), -1}));
  if (bias.defined()) y = y + bias.unsqueeze(1);
  return y.reshape(sizes);
}

ChannelLinearImpl::ChannelLinearImpl(ChannelLinearOptions given) : options(std::move(given)) {
  require_channels("ChannelLinear", options.in_channels(), options.out_channels());
  reset();
}

void ChannelLinearImpl::reset() {
  std::vector<StoredParameter> parameters = {{"linear.weight", {options.out_channels(), options.in_channels()}}};
  if (options.bias()) parameters.push_back({"linear.bias", {options.out_channels()}});
  own_ = ParameterList(*this, parameters);
  reset_parameters();
}

void ChannelLinearImpl::reset_parameters() {
  const auto p = own_.in_order();
  set_init({InitMap{"linear", p[0], options.bias() ? p[1] : at::Tensor()}}, Rng(options.seed()),
           InitType::pytorch_default);
}

void ChannelLinearImpl::pretty_print(std::ostream& stream) const {
  stream << "nfopt::ChannelLinear(in_channels=" << options.in_channels() << ", out_channels=" << options.out_channels()
         << ", bias=" << (options.bias() ? "true" : "false") << ")";
}

at::Tensor ChannelLinearImpl::forward(const at::Tensor& x) {
  const auto p = own_.in_order();
  return map_channels(x, p[0], options.bias() ? p[1] : at::Tensor());
}

}  // namespace nfopt
