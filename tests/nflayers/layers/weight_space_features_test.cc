// The arithmetic of nfn's features, on layers of different shapes.

#include <gtest/gtest.h>
#include <nfopt/nflayers/kernels/cuda/cuda_kernels.h>
#include <nfopt/nflayers/layers/nfn/weight_space_features.h>
#include <torch/torch.h>

#include "tests/errors.h"

namespace nfopt {
namespace {

using testing::expect_error;

/// [B, C, ...] of a network 3-4-5-2.
WeightSpaceFeatures features(double scale = 1) {
  const auto tensor = [&](std::vector<int64_t> shape) {
    shape.insert(shape.begin(), {2, 3});
    return scale * at::arange(1, 1 + c10::multiply_integers(shape), at::kDouble).reshape(shape);
  };
  return {{tensor({4, 3}), tensor({5, 4}), tensor({2, 5})}, {tensor({4}), tensor({5}), tensor({2})}};
}

void expect_equal(const WeightSpaceFeatures& a, const WeightSpaceFeatures& b) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    EXPECT_TRUE(at::equal(a.weights()[i], b.weights()[i])) << i;
    EXPECT_TRUE(at::equal(a.biases()[i], b.biases()[i])) << i;
  }
}

TEST(WeightSpaceFeatures, SliceTakesLayersFirstToLast) {
  const WeightSpaceFeatures all = features(), part = all.slice(1, 3);
  ASSERT_EQ(part.size(), 2u);
  expect_equal(part, {{all.weights()[1], all.weights()[2]}, {all.biases()[1], all.biases()[2]}});
  expect_equal(all.slice(0, 3), all);
  EXPECT_EQ(all.slice(2, 2).size(), 0u);
  EXPECT_TRUE(at::equal(all[-1].first, all.weights()[2]));
  expect_error([&] { all.slice(1, 4); }, {"layers 1 to 4", "within 3"});
  expect_error([&] { all.slice(2, 1); }, {"layers 2 to 1"});
  expect_error([&] { all[3]; }, {"no layer 3 among 3"});
  expect_error([&] { all[-4]; }, {"no layer -4 among 3"});
}

TEST(WeightSpaceFeatures, DetachLeavesTheGraph) {
  const WeightSpaceFeatures all = features().map([](const at::Tensor& t) { return t.clone().requires_grad_(); });
  const WeightSpaceFeatures apart = all.detach();
  expect_equal(all, apart);
  for (const auto& [weight, bias] : apart.zipped()) EXPECT_FALSE(weight.requires_grad() || bias.requires_grad());
  for (const auto& [weight, bias] : all.zipped()) EXPECT_TRUE(weight.requires_grad() && bias.requires_grad());
  EXPECT_EQ(apart.weights()[0].data_ptr(), all.weights()[0].data_ptr()) << "no copy";
}

TEST(WeightSpaceFeatures, MoveToADevice) {
  const WeightSpaceFeatures there = features().to(at::kMeta);
  ASSERT_EQ(there.size(), 3u);
  for (const auto& [weight, bias] : there.zipped()) EXPECT_TRUE(weight.is_meta() && bias.is_meta());
  EXPECT_EQ(there.weights()[1].sizes(), features().weights()[1].sizes());
  if (const std::string why = cuda_kernels().unavailable(); !why.empty())
    GTEST_SKIP() << "the meta device was tested; " << why;
  expect_equal(features().to(at::kCUDA).to(at::kCPU), features());
}

TEST(WeightSpaceFeatures, MultiplyByATensorWithBroadcasting) {
  const WeightSpaceFeatures all = features();
  expect_equal(all * at::tensor(2.0, at::kDouble), features(2));
  expect_equal(all * 2.0, features(2));
  // One factor per network is [B, 1, ..] for each rank: here one per entry of the last axis cannot fit all.
  const at::Tensor rows = at::tensor({1.0, 2.0}, at::kDouble);
  const WeightSpaceFeatures last = all.slice(2, 3).map([](const at::Tensor& t) { return t.narrow(-1, 0, 2); });
  EXPECT_TRUE(at::equal((last * rows).weights()[0], last.weights()[0] * rows));
  EXPECT_TRUE(at::equal((last * rows).biases()[0], last.biases()[0] * rows));
}

TEST(WeightSpaceFeatures, AddAndMultiplyEntryByEntry) {
  expect_equal(features() + features(2), features(3));
  expect_equal((features() * features(2)).map([](const at::Tensor& t) { return t.sqrt(); }),
               features().map([](const at::Tensor& t) { return (2 * t.square()).sqrt(); }));
  expect_error([] { features() + features().slice(0, 2); }, {"features of 3 and 2 layers"});
  expect_error([] { features() * features().slice(0, 1); }, {"features of 3 and 1 layers"});
  expect_error([] { collate({features(), features().slice(0, 1)}); }, {"features of 3 and 1 layers"});
  expect_error([] { collate({}); }, {"at least one network"});
}

TEST(WeightSpaceFeatures, GoIntoTheOrderOfTheNetworkAndBack) {
  const WeightSpaceFeatures all = features();
  const std::vector<at::Tensor> x = all.in_order();
  ASSERT_EQ(x.size(), 6u);
  EXPECT_TRUE(at::equal(x[2][0], all.weights()[1]));
  EXPECT_TRUE(at::equal(x[3][0], all.biases()[1]));
  expect_equal(WeightSpaceFeatures::from_order(x), all);
  expect_equal(WeightSpaceFeatures::from_zipped(all.zipped()), all);
  expect_error([&] { WeightSpaceFeatures::from_order({x[0]}); }, {"even number", "received 1"});
  expect_error(
      [] {
        WeightSpaceFeatures::from_order({at::zeros({2, 1}), at::zeros({1, 1})});
      },
      {"no population", "tensor 0"});
}

}  // namespace
}  // namespace nfopt
