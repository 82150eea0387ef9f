#include <nfopt/nflayers/layers/relu.h>
#include <nfopt/nflayers/layers/unf_sequential.h>
#include <nfopt/nflayers/spec/error.h>

#include <string>
#include <utility>

namespace nfopt {

UnfSequentialImpl::UnfSequentialImpl(UnfSequentialOptions given) : options(std::move(given)) {
  if (options.channels().size() < 2)
    throw Error("layer", "UnfSequential needs the channels of its input and of every layer, at least two numbers: " +
                             std::string("received ") + std::to_string(options.channels().size()) + ".");
  reset();
}

void UnfSequentialImpl::reset() {
  layers_.clear();
  const Rng seeds = Rng(options.seed()).purpose("unf_sequential");
  for (size_t k = 0; k + 1 < options.channels().size(); ++k)
    layers_.push_back(
        register_module("L" + std::to_string(k),
                        UnfLinear(UnfLinearOptions(options.space(), options.channels()[k], options.channels()[k + 1])
                                      .fold(options.fold())
                                      .init_gain(options.init_gain())
                                      .seed(seeds.bits(k)))));
}

void UnfSequentialImpl::pretty_print(std::ostream& stream) const {
  stream << "nfopt::UnfSequential(channels=" << at::IntArrayRef(options.channels()) << ")";
}

std::vector<at::Tensor> UnfSequentialImpl::forward(std::vector<at::Tensor> x) {
  for (size_t k = 0; k < layers_.size(); ++k) {
    x = layers_[k]->forward(x);
    if (k + 1 < layers_.size() || options.relu_after_last()) x = relu(x);
  }
  return x;
}

}  // namespace nfopt
