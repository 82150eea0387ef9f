#include "editor.h"

#include <nfopt/nflayers/layers/nfn/hnp_linear.h>
#include <nfopt/nflayers/layers/nfn/io_sinusoidal_encoding.h>
#include <nfopt/nflayers/layers/nfn/learned_scale.h>
#include <nfopt/nflayers/layers/nfn/tuple_op.h>

EditorImpl::EditorImpl(const nfopt::WeightSpacePtr& space, const std::vector<at::Tensor>& population, int64_t channels,
                       uint64_t seed) {
  for (const at::Tensor& t : population) units_.push_back(t.std().item<double>());
  using namespace nfopt;
  const IOSinusoidalEncoding encoding(IOSinusoidalEncodingOptions(space).num_bands(3));
  const auto linear = [&](int64_t in, int64_t out, uint64_t layer) {
    return HNPLinear(HNPLinearOptions(space, in, out).seed(Rng(seed).bits(layer)));
  };
  const auto relu = [] { return TupleOp(torch::nn::ReLU()); };
  body_ =
      register_module("body", torch::nn::Sequential(encoding, linear(encoding->num_out_chan(1), channels, 0), relu(),
                                                    linear(channels, channels, 1), relu(), linear(channels, 1, 2),
                                                    LearnedScale(LearnedScaleOptions(space, 0.01))));
}

std::vector<at::Tensor> EditorImpl::forward(const std::vector<at::Tensor>& weights) {
  std::vector<at::Tensor> features;  // one population member, P networks, one channel
  for (size_t i = 0; i < weights.size(); ++i) features.push_back((weights[i] / units_[i]).unsqueeze(1).unsqueeze(0));
  std::vector<at::Tensor> edited = body_->forward<std::vector<at::Tensor>>(features);
  for (size_t i = 0; i < weights.size(); ++i) edited[i] = weights[i] + units_[i] * edited[i].squeeze(0).squeeze(1);
  return edited;
}
