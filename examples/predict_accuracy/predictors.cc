#include "predictors.h"

#include <nfopt/nflayers/layers/nfn/hnp_linear.h>
#include <nfopt/nflayers/layers/nfn/np_pool.h>
#include <nfopt/nflayers/layers/nfn/stat_featurizer.h>
#include <nfopt/nflayers/layers/nfn/tuple_op.h>
#include <nfopt/nflayers/layers/unf_predictor.h>
#include <nfopt/nflayers/random/tensor_random.h>
#include <nfopt/nflayers/spec/error.h>

#include <cmath>

namespace {

namespace nn = torch::nn;

// LibTorch's initial distribution, drawn from our generator.
nn::Linear dense(int64_t inputs, int64_t outputs, const nfopt::Rng& rng) {
  nn::Linear layer(inputs, outputs);
  const torch::NoGradGuard guard;
  const double bound = 1 / std::sqrt(double(inputs));
  nfopt::fill_uniform(layer->weight, rng.purpose("weight"), -bound, bound);
  nfopt::fill_uniform(layer->bias, rng.purpose("bias"), -bound, bound);
  return layer;
}

Predictor unf(const nfopt::WeightSpacePtr& space, int64_t channels, int64_t hidden, uint64_t seed) {
  nfopt::UnfPredictor network(nfopt::UnfPredictorOptions(space, {1, channels, channels}, hidden, 1).seed(seed));
  return {network.ptr(), [network](const Features& x) mutable { return network->forward(x).flatten(); }};
}

Predictor nfn(const nfopt::WeightSpacePtr& space, int64_t channels, int64_t hidden, uint64_t seed) {
  const nfopt::Rng rng = nfopt::Rng(seed).purpose("nfn");
  const int64_t pooled = channels * nfopt::HNPPoolImpl::get_num_outs(space);
  nn::Sequential network(
      nfopt::HNPLinear(nfopt::HNPLinearOptions(space, 1, channels).seed(rng.bits(0))), nfopt::TupleOp(nn::ReLU()),
      nfopt::HNPLinear(nfopt::HNPLinearOptions(space, channels, channels).seed(rng.bits(1))),
      nfopt::TupleOp(nn::ReLU()), nfopt::HNPPool(space), nn::Flatten(nn::FlattenOptions().start_dim(-2)),
      dense(pooled, hidden, rng.purpose("head0")), nn::ReLU(), dense(hidden, 1, rng.purpose("head1")));
  return {network.ptr(), [network](const Features& x) mutable { return network->forward<torch::Tensor>(x).flatten(); }};
}

Predictor stat_nn(const nfopt::WeightSpacePtr& space, int64_t hidden, uint64_t seed, const Features& train) {
  const nfopt::Rng rng = nfopt::Rng(seed).purpose("stat_nn");
  nfopt::StatFeaturizer statistics(nfopt::StatFeaturizerOptions{space});
  auto features = [statistics](const Features& x) mutable { return statistics->forward(x)[0].flatten(1); };
  const torch::NoGradGuard guard;
  const torch::Tensor seen = features(train), mean = seen.mean(0), scale = seen.std(0) + 1e-8;  // [numbers]
  nn::Sequential network(dense(mean.size(0), hidden, rng.purpose("0")), nn::ReLU(),
                         dense(hidden, hidden, rng.purpose("1")), nn::ReLU(), dense(hidden, 1, rng.purpose("2")));
  return {network.ptr(), [features, network, mean, scale](const Features& x) mutable {
            return network->forward((features(x) - mean) / scale).flatten();
          }};
}

}  // namespace

std::vector<std::string> predictor_names() { return {"UNF", "NFN", "StatNN"}; }

Predictor make_predictor(const std::string& name, const nfopt::WeightSpacePtr& space, int64_t channels, int64_t hidden,
                         uint64_t seed, const Features& train) {
  if (name == "UNF") return unf(space, channels, hidden, seed);
  if (name == "NFN") return nfn(space, channels, hidden, seed);
  if (name == "StatNN") return stat_nn(space, hidden, seed, train);
  throw nfopt::Error("predict_accuracy", "no predictor '" + name + "'.");
}
