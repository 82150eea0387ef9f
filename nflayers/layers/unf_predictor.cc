#include <nfopt/nflayers/layers/dense_layer.h>
#include <nfopt/nflayers/layers/unf_predictor.h>
#include <nfopt/nflayers/spec/error.h>

#include <utility>

namespace nfopt {
namespace {

const WeightSpace& space_of(const UnfPredictorOptions& options) {
  if (!options.space()) throw Error("layer", "UnfPredictor needs a weight space, received none.");
  return *options.space();
}

}  // namespace

UnfPredictorImpl::UnfPredictorImpl(UnfPredictorOptions given)
    : options(std::move(given)), pool_(space_of(options), options.fold()) {
  reset();
}

void UnfPredictorImpl::reset() {
  layers = register_module("layers", UnfSequential(UnfSequentialOptions(options.space(), options.channels())
                                                       .fold(options.fold())
                                                       .relu_after_last(true)
                                                       .init_gain(options.init_gain())
                                                       .seed(options.seed())));
  const int64_t pooled_channels = options.channels().back() * pool_.width();
  const Rng rng(options.seed());
  head0_ = register_module("head0", dense_layer(pooled_channels, options.hidden(), rng.purpose("head0")));
  head1_ = register_module("head1", dense_layer(options.hidden(), options.outputs(), rng.purpose("head1")));
}

void UnfPredictorImpl::pretty_print(std::ostream& stream) const {
  stream << "nfopt::UnfPredictor(channels=" << at::IntArrayRef(options.channels()) << ", hidden=" << options.hidden()
         << ", outputs=" << options.outputs() << ")";
}

at::Tensor UnfPredictorImpl::pooled(const std::vector<at::Tensor>& x) { return pool_(layers->forward(x)); }

at::Tensor UnfPredictorImpl::forward(const std::vector<at::Tensor>& x) {
  return apply_dense(*head1_, at::relu(apply_dense(*head0_, pooled(x))));
}

}  // namespace nfopt
