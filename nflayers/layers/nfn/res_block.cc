#include <nfopt/nflayers/layers/nfn/dropout.h>
#include <nfopt/nflayers/layers/nfn/res_block.h>
#include <nfopt/nflayers/spec/error.h>

#include <sstream>

namespace nfopt {

using Features = std::vector<at::Tensor>;

ResBlockImpl::ResBlockImpl(ResBlockOptions given) : options(std::move(given)) {
  require_probability("ResBlock", options.dropout());
  reset();
}

void ResBlockImpl::reset() {
  register_module("base_layer", options.base_layer().ptr());
  register_module("activation", options.activation().ptr());
  register_module("norm", options.norm().ptr());
}

std::shared_ptr<torch::nn::Module> ResBlockImpl::clone(const std::optional<torch::Device>& device) const {
  ResBlockOptions copied(options.base_layer().clone(device), options.activation().clone(device), options.dropout(),
                         options.norm().clone(device));
  auto copy = std::make_shared<ResBlockImpl>(copied.seed(options.seed()));
  copy->passes_ = passes_;
  copy->train(is_training());
  return copy;
}

void ResBlockImpl::pretty_print(std::ostream& stream) const {
  stream << "nfopt::ResBlock(dropout=" << options.dropout() << ")";
}

Features ResBlockImpl::forward(const Features& x) {
  Features y = options.norm().forward<Features>(x);
  y = options.base_layer().forward<Features>(y);
  y = options.activation().forward<Features>(y);
  const bool drop = options.dropout() > 0 && is_training();
  const Rng rng = Rng(options.seed()).purpose("dropout").index(drop ? passes_++ : 0);
  for (size_t i = 0; i < y.size(); ++i) {
    if (y[i].sizes() != x[i].sizes()) {
      std::ostringstream shapes;
      shapes << x[i].sizes() << " became " << y[i].sizes();
      throw Error("layer", "the base layer of a ResBlock must keep the channels: " + shapes.str() + ".");
    }
    if (drop) y[i] = dropped(y[i], y[i].sizes(), options.dropout(), rng.index(i));
    y[i] = x[i] + y[i];
  }
  return y;
}

}  // namespace nfopt
