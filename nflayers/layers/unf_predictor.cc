#include <nfopt/nflayers/layers/dense_init.h>
#include <nfopt/nflayers/layers/unf_predictor.h>
#include <nfopt/nflayers/spec/error.h>

#include <utility>

namespace nfopt {
namespace {

const WeightSpace& space_of(const UnfPredictorOptions& options) {
  if (!options.space()) throw Error("layer", "UnfPredictor needs a weight space, received none.");
  return *options.space();
}

std::shared_ptr<ParameterScope> dense(int64_t inputs, int64_t outputs, const Rng& rng) {
  auto result =
      std::make_shared<ParameterScope>(std::vector<StoredParameter>{{"w", {inputs, outputs}}, {"b", {outputs}}});
  const torch::NoGradGuard guard;
  at::Tensor w = result->in_order()[0];
  fill_dense_weight(w, rng, inputs);
  return result;
}

at::Tensor apply_dense(const ParameterScope& parameters, const at::Tensor& x) {
  const auto w_and_b = parameters.in_order();
  return at::matmul(x, w_and_b[0]) + w_and_b[1];
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
  head0_ = register_module("head0", dense(pooled_channels, options.hidden(), rng.purpose("head0")));
  head1_ = register_module("head1", dense(options.hidden(), options.outputs(), rng.purpose("head1")));
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
