#pragma once

#include <gtest/gtest.h>
#include <nfopt/nflayers/random/tensor_random.h>
#include <torch/types.h>

#include <vector>

namespace nfopt::testing {

/// Normal entries in float64, the same for the same seed.
inline at::Tensor normal(const std::vector<int64_t>& shape, uint64_t seed, double mean = 0.0, double deviation = 1.0) {
  at::Tensor t = at::empty(shape, at::kDouble);
  return fill_normal(t, Rng(seed), mean, deviation);
}

/// Largest difference of an entry; shapes must agree.
inline double difference(const at::Tensor& a, const at::Tensor& b) {
  EXPECT_EQ(a.sizes(), b.sizes());
  return (a - b).abs().max().item<double>();
}

}  // namespace nfopt::testing
