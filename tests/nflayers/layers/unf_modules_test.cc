#include <gtest/gtest.h>
#include <nfopt/nflayers/layers/invariant_pool.h>
#include <nfopt/nflayers/layers/unf_linear.h>
#include <nfopt/nflayers/layers/unf_pointwise_map.h>
#include <nfopt/nflayers/layers/unf_predictor.h>
#include <nfopt/nflayers/layers/unf_sequential.h>
#include <nfopt/nflayers/random/tensor_random.h>
#include <nfopt/nflayers/spec/error.h>
#include <torch/torch.h>

#include <sstream>

#include "tests/nflayers/spec/described_spaces.h"

namespace nfopt {
namespace {

using testing::tensor;
using Tensors = std::vector<at::Tensor>;

WeightSpacePtr small_cnn() {
  return std::make_shared<const WeightSpace>(
      std::vector<TensorDescription>{tensor("conv.weight", {4, 3, 2, 2}, "[c, ~rgb, *, *]"),
                                     tensor("conv.bias", {4}, "[c]"), tensor("fc.weight", {2, 4}, "[~cls, c]")});
}

Tensors random_features(const WeightSpace& space, int64_t channels, at::ScalarType dtype = at::kFloat) {
  Tensors x;
  for (const Tensor& t : space.tensors()) {
    std::vector<int64_t> sizes = {1, 2, channels};
    sizes.insert(sizes.end(), t.shape.begin(), t.shape.end());
    x.push_back(at::empty(sizes, dtype));
    fill_normal(x.back(), Rng(1).purpose(t.name), 0, 1);
  }
  return x;
}

double largest_difference(const Tensors& a, const Tensors& b) {
  double largest = 0;
  for (size_t i = 0; i < a.size(); ++i) largest = std::max(largest, (a[i] - b[i]).abs().max().item<double>());
  return largest;
}

TEST(UnfLinear, NamesItsParametersAfterTheTensorsOfTheSpace) {
  const auto space = small_cnn();
  UnfLinear layer(UnfLinearOptions(space, 3, 2));
  const auto parameters = layer->named_parameters();
  ASSERT_EQ(parameters.size(), 6u);
  // conv [c, ~rgb] with F = 4, conv bias [c], fc [~cls, c]: 4 terms of 4 rows, 2 of 1, 2 of 1.
  EXPECT_EQ(parameters["theta.conv.weight"].sizes(), (at::IntArrayRef{20, 3, 8}));
  EXPECT_EQ(parameters["bias.conv.weight"].sizes(), (at::IntArrayRef{8}));
  EXPECT_EQ(parameters["theta.fc.weight"].sizes(), (at::IntArrayRef{2 * 4 + 2 + 4, 3, 2}));
  std::ostringstream text;
  text << layer;
  EXPECT_EQ(text.str().substr(0, text.str().find('\n')),
            "nfopt::UnfLinear(in_channels=3, out_channels=2, tensors=3, terms=22)(");
}

TEST(UnfLinear, SurvivesCloneAndArchive) {
  const auto space = small_cnn();
  UnfSequential first(UnfSequentialOptions(space, {2, 3, 1}).seed(1)),
      second(UnfSequentialOptions(space, {2, 3, 1}).seed(2));
  const auto x = random_features(*space, 2);
  const auto y = first->forward(x);
  EXPECT_GT(largest_difference(y, second->forward(x)), 1e-3);
  std::stringstream archive;
  torch::save(first, archive);
  torch::load(second, archive);
  EXPECT_EQ(largest_difference(y, second->forward(x)), 0);

  const auto copy = std::dynamic_pointer_cast<UnfSequentialImpl>(first->clone());
  EXPECT_EQ(largest_difference(y, copy->forward(x)), 0);
  {
    const torch::NoGradGuard guard;
    for (at::Tensor& p : first->parameters()) p.zero_();
  }
  EXPECT_EQ(largest_difference(y, copy->forward(x)), 0) << "the copy has its own parameters";
  EXPECT_GT(largest_difference(y, first->forward(x)), 1e-3);
}

TEST(UnfLinear, StartsWithThePublishedVarianceAndDependsOnItsSeedAlone) {
  const auto space = small_cnn();
  for (const double gain : {0.0, 1.0, 2.0}) {
    UnfLinear layer(UnfLinearOptions(space, 32, 32).init_gain(gain).seed(3));
    for (const auto& p : layer->named_parameters()) {
      if (p.key().compare(0, 5, "bias.") == 0) {
        EXPECT_EQ(p.value().abs().max().item<double>(), 0) << p.key();
      } else {  // N(0, gain / (C_in * rows)); at least 14,000 draws
        const double expected = gain / static_cast<double>(p.value().size(0) * p.value().size(1));
        EXPECT_NEAR(p.value().var().item<double>(), expected, 0.05 * expected) << p.key();
      }
    }
  }
  torch::manual_seed(5);
  const at::Tensor before = torch::randn({4});
  torch::manual_seed(5);
  UnfPredictor one(UnfPredictorOptions(space, {2, 3}, 4, 1).seed(8)),
      two(UnfPredictorOptions(space, {2, 3}, 4, 1).seed(8));
  EXPECT_TRUE(at::equal(before, torch::randn({4}))) << "no global generator is used";
  for (const auto& p : one->named_parameters()) EXPECT_TRUE(at::equal(p.value(), two->named_parameters()[p.key()]));
}

TEST(UnfPointwiseMap, IsTheEquivariantLayerPlusOneDenseMapForEveryTensor) {
  const auto space = small_cnn();
  const UnfPointwiseMap map(*space, Fold::fixed(), 3, 2);
  const UnfLinearMap plain(*space, Fold::fixed(), 3, 2);
  const auto x = random_features(*space, 3, at::kDouble);
  auto parameters = map.initial_parameters(Rng(2));
  ASSERT_EQ(map.parameters().back().name, "pointwise.w");
  const at::Tensor w = parameters.back()[0];
  auto dense = [&](const at::Tensor& t) { return at::tensordot(t, w, {2}, {0}).movedim(-1, 2); };
  auto y = map(parameters, x);
  for (size_t i = 0; i < x.size(); ++i)  // the equivariant part starts at zero
    EXPECT_LE((y[i] - dense(x[i])).abs().max().item<double>(), 1e-14);
  for (size_t i = 0; i + 1 < parameters.size(); ++i) fill_normal(parameters[i], Rng(3).index(i), 0, 1);
  y = map(parameters, x);
  const auto unf = plain(Tensors(parameters.begin(), parameters.end() - 1), x);
  for (size_t i = 0; i < x.size(); ++i) EXPECT_LE((y[i] - unf[i] - dense(x[i])).abs().max().item<double>(), 1e-13);
}

TEST(InvariantPool, AveragesEachViewIntoItsOwnChannels) {
  const auto space = std::make_shared<const WeightSpace>(std::vector<TensorDescription>{
      tensor("w", {3, 2}, "[h, *2]"), tensor("b", {4}, "[a=1 | c]"), tensor("s", {}, "[]")});
  const InvariantPool pool(*space);
  EXPECT_EQ(pool.width(), 2 + 1 + 1 + 1);
  const auto x = random_features(*space, 2, at::kDouble);
  const at::Tensor y = pool(x);
  const at::Tensor expected =
      at::cat({x[0].mean(3).reshape({1, 2, 4}), x[1].narrow(3, 0, 1).mean(3), x[1].narrow(3, 1, 3).mean(3), x[2]}, 2);
  EXPECT_LE((y - expected).abs().max().item<double>(), 1e-15);
  EXPECT_THROW(pool({x[0]}), Error);
}

TEST(UnfModules, RefuseOptionsThatCannotWork) {
  EXPECT_THROW(UnfLinear(UnfLinearOptions(nullptr, 1, 1)), Error);
  EXPECT_THROW(UnfPredictor(UnfPredictorOptions(nullptr, {1, 1}, 1, 1)), Error);
  EXPECT_THROW(UnfLinear(UnfLinearOptions(small_cnn(), 1, 0)), Error);
  EXPECT_THROW(UnfSequential(UnfSequentialOptions(small_cnn(), {3})), Error);
  EXPECT_THROW(UnfLinear(UnfLinearOptions(small_cnn(), 1, 1).fold(Fold::only({"nothing"}))), Error);
}

}  // namespace
}  // namespace nfopt
