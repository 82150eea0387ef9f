#pragma once

#include <nfopt/runtime/zoo/zoo.h>
#include <torch/torch.h>

#include <vector>

/// One tensor [1, N, 1, shape...] per tensor of the weight space: what layers of weight spaces take.
using Features = std::vector<torch::Tensor>;

/// Networks and how well each of them does on the test images.
struct AccuracyData {
  Features weights;
  torch::Tensor accuracy;  // [N]

  int64_t size() const { return accuracy.size(0); }
  AccuracyData rows(const torch::Tensor& index) const;
};

/// A zoo dealt out to training (70 %), validation (10 %) and test (20 %). Every tensor of the weight space is shifted and
/// scaled by one pair of numbers, of the training networks: that leaves all permutation symmetries alone.
struct AccuracySplit {
  AccuracyData train, validation, test;
};

/// The split of a seed; all predictors get the same. Networks that diverged are left out.
AccuracySplit split_zoo(const nfopt::Zoo& zoo, uint64_t seed);
