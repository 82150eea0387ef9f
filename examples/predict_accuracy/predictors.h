#pragma once

#include "accuracy_data.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

/// A network that reads networks. `logits(x)` [B]: the predicted accuracy is their sigmoid.
struct Predictor {
  std::shared_ptr<torch::nn::Module> module;
  std::function<torch::Tensor(const Features&)> logits;
};

/// UNF, NFN and StatNN, in this order.
///
///   UNF     two UNF layers, an invariant pool, dense (UnfPredictor; arXiv:2402.05232)
///   NFN     two HNP layers, HNP pool, dense (arXiv:2302.14040)
///   StatNN  mean, variance and quantiles of every tensor, dense (StatFeaturizer; arXiv:2002.11448)
std::vector<std::string> predictor_names();

/// `channels` of the layers over the weight space, `hidden` of the dense head. StatNN scales its features by those of the
/// `train` networks.
Predictor make_predictor(const std::string& name, const nfopt::WeightSpacePtr& space, int64_t channels, int64_t hidden,
                         uint64_t seed, const Features& train);
