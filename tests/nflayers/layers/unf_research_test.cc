// The layers of UNF's research code: what each computes, and symmetries beyond those that every layer is tested for
// (nfn_symmetry_test, nfn_gradient_test and nfn_modules_test run them on every described space).

#include <gtest/gtest.h>
#include <nfopt/nflayers/action/random_element.h>
#include <nfopt/nflayers/layers/deep_set.h>
#include <nfopt/nflayers/layers/kernel_encoding.h>
#include <nfopt/nflayers/layers/kernel_pos_embedding.h>
#include <nfopt/nflayers/layers/nfn/channel_linear.h>
#include <nfopt/nflayers/layers/nfn/fourier_encode.h>
#include <nfopt/nflayers/layers/nfn/tuple_op.h>
#include <nfopt/nflayers/layers/unf_linear_map.h>
#include <nfopt/nflayers/layers/unf_pool.h>
#include <torch/torch.h>

#include "tests/errors.h"
#include "tests/nflayers/layers/layer_zoo.h"
#include "tests/nflayers/spec/described_spaces.h"

namespace nfopt {
namespace {

using namespace testing;
using Tensors = std::vector<at::Tensor>;

constexpr double kTolerance = 1e-12;  // float64

WeightSpacePtr described(const std::string& wanted) {
  for (const auto& [name, tensors] : described_spaces())
    if (name == wanted) return std::make_shared<const WeightSpace>(tensors);
  ADD_FAILURE() << "no described space '" << wanted << "'";
  return nullptr;
}

TEST(UnfPool, IsTheUnfLayerWhoseCoefficientsAreAllOneOverTheNumberOfTerms) {
  for (const auto& [name, tensors] : described_spaces()) {
    const auto space = std::make_shared<const WeightSpace>(tensors);
    const auto x = random_features(*space, 2, 3, 2, at::kDouble, Rng(1));
    const UnfLinearMap layer(*space, Fold::none(), 2, 2);
    Tensors parameters;
    for (const StoredParameter& p : layer.parameters()) {
      at::Tensor value = at::zeros(p.shape, at::kDouble);
      if (p.shape.size() == 3) value += at::eye(2, at::kDouble) / static_cast<double>(p.shape[0]);
      parameters.push_back(value.unsqueeze(0));
    }
    EXPECT_LE(largest_difference(layer(parameters, x), UnfPool(space)->forward(x)), kTolerance) << name;
  }
}

TEST(UnfPool, IsTheMeanOfTheTermsByHand) {
  // w [h, ~in], b [h]: four terms w <- w, two w <- b, two b <- w, two b <- b.
  const auto space = std::make_shared<const WeightSpace>(
      std::vector<TensorDescription>{tensor("w", {2, 3}, "[h, ~in]"), tensor("b", {2}, "[h]")});
  const at::Tensor w = at::tensor({1.0, 2.0, 3.0, 5.0, 7.0, 9.0}, at::kDouble).view({1, 1, 1, 2, 3});
  const at::Tensor b = at::tensor({1.0, 3.0}, at::kDouble).view({1, 1, 1, 2});
  const auto y = UnfPool(space)->forward({w, b});
  const double rows[] = {2, 7}, columns[] = {3, 4.5, 6};
  for (int64_t i = 0; i < 2; ++i) {
    const double bias = b[0][0][0][i].item<double>();
    for (int64_t j = 0; j < 3; ++j)
      EXPECT_NEAR(y[0][0][0][0][i][j].item<double>(),
                  (w[0][0][0][i][j].item<double>() + rows[i] + columns[j] + 4.5 + bias + 2) / 6, kTolerance);
    EXPECT_NEAR(y[1][0][0][0][i].item<double>(), (rows[i] + 4.5 + bias + 2) / 4, kTolerance);
  }
}

TEST(UnfPool, CommutesWithKernelPositionsAsWell) {
  for (const char* name : {"cnn", "bidirectional_lstm", "alibi", "group_norm_resnet"}) {
    const auto space = described(name);
    const auto x = random_features(*space, 1, 2, 3, at::kDouble, Rng(1));
    UnfPool pool(space);
    const GroupAction g(*space, random_layer_element(*space, Fold::none(), Rng(2)));
    EXPECT_LE(largest_difference(g(pool->forward(x)), pool->forward(g(x))), kTolerance) << name;
  }
}

// One network of shared dense layers and pools runs on every architecture.
TEST(UnfPool, LeavesTheParametersOfANetworkFreeOfTheArchitecture) {
  TupleOp first(ChannelLinear(ChannelLinearOptions(2, 4).seed(1))), second(ChannelLinear(ChannelLinearOptions(4, 1)));
  first->to(at::kDouble);
  second->to(at::kDouble);
  for (const char* name : {"mlp", "fused_attention", "cnn"}) {
    const auto space = described(name);
    const auto x = random_features(*space, 1, 1, 2, at::kDouble, Rng(1));
    UnfPool pool(space);
    const auto run = [&](const Tensors& features) {
      return second->forward(pool->forward(TupleOp(torch::nn::ReLU())->forward(first->forward(features))));
    };
    const auto g = random_action(*space, Symmetry::layer_group, Rng(2));
    EXPECT_LE(largest_difference(g(run(x)), run(g(x))), kTolerance) << name;
    EXPECT_EQ(run(x).front().size(2), 1);
  }
}

Tensors permute_everything(const Tensors& x, const Rng& rng) {
  std::vector<int64_t> counts;
  Tensors flat;
  for (const at::Tensor& t : x) {
    flat.push_back(t.dim() == 3 ? t.unsqueeze(3) : t.flatten(3));
    counts.push_back(flat.back().size(3));
  }
  const at::Tensor all = at::cat(flat, 3);
  const at::Tensor moved = all.index_select(3, at::tensor(rng.permutation(all.size(3)), at::kLong));
  Tensors parts = moved.split_with_sizes(counts, 3);
  for (size_t i = 0; i < parts.size(); ++i) {
    std::vector<int64_t> sizes = x[i].sizes().vec();
    sizes[2] = parts[i].size(2);
    parts[i] = parts[i].reshape(sizes);
  }
  return parts;
}

TEST(DeepSet, SeesOneSetOfAllEntries) {
  for (const auto& [name, tensors] : described_spaces()) {
    const auto space = std::make_shared<const WeightSpace>(tensors);
    const auto x = random_features(*space, 2, 2, 3, at::kDouble, Rng(1));
    DeepSetLinear layer(DeepSetLinearOptions(3, 4));
    layer->to(at::kDouble);
    randomize(*layer, Rng(2));
    const auto moved = [](const Tensors& t) { return permute_everything(t, Rng(3)); };
    EXPECT_LE(largest_difference(moved(layer->forward(x)), layer->forward(moved(x))), kTolerance) << name;
    DeepSetPool pool;
    EXPECT_LE(largest_difference({pool->forward(x)}, {pool->forward(moved(x))}), kTolerance) << name;
  }
}

TEST(DeepSet, IsItsFormula) {
  const Tensors x = {at::randn({1, 2, 3, 4, 5}, at::kDouble), at::randn({1, 2, 3}, at::kDouble)};
  const at::Tensor mean = (x[0].sum({3, 4}) + x[1]) / 21;
  DeepSetLinear layer(DeepSetLinearOptions(3, 2));
  layer->to(at::kDouble);
  randomize(*layer, Rng(1));
  const at::Tensor theta = layer->named_parameters()["theta"], bias = layer->named_parameters()["bias"];
  const auto y = layer->forward(x);
  const at::Tensor shared = mean.matmul(theta[1]) + bias;
  const at::Tensor w = at::einsum("pbcij,cd->pbdij", {x[0], theta[0]}) + shared.unsqueeze(-1).unsqueeze(-1);
  EXPECT_LE(largest_difference({w, x[1].matmul(theta[0]) + shared}, y), kTolerance);
  EXPECT_LE(largest_difference({mean}, {DeepSetPool()->forward(x)}), kTolerance);
}

TEST(DeepSet, MapsAPopulationMemberByMember) {
  const auto space = described("mlp");
  const auto x = random_features(*space, 3, 2, 2, at::kDouble, Rng(1));
  const at::Tensor theta = at::randn({3, 2, 2, 4}, at::kDouble), bias = at::randn({3, 4}, at::kDouble);
  const auto y = deep_set_map(theta, bias, x);
  for (int64_t p = 0; p < 3; ++p) {
    Tensors own, expected;
    for (const at::Tensor& t : x) own.push_back(t.narrow(0, p, 1));
    for (const at::Tensor& t : y) expected.push_back(t.narrow(0, p, 1));
    EXPECT_LE(largest_difference(expected, deep_set_map(theta.narrow(0, p, 1), bias.narrow(0, p, 1), own)), kTolerance);
  }
}

TEST(DeepSet, StartsWithTheVarianceOfTwoTerms) {
  DeepSetLinear layer(DeepSetLinearOptions(64, 128).seed(3));  // 16,384 draws: standard error of the variance 1.1 %
  const at::Tensor theta = layer->named_parameters()["theta"];
  EXPECT_NEAR(theta.var().item<double>() * 2 * 64, 1, 0.05);
  EXPECT_EQ(layer->named_parameters()["bias"].abs().max().item<double>(), 0);
}

TEST(KernelPosEmbedding, AddsOneVectorPerKernelPositionAndNothingElsewhere) {
  const auto space = described("cnn");
  KernelPosEmbedding layer(KernelPosEmbeddingOptions(space, 2).seed(1));
  layer->to(at::kDouble);
  const auto parameters = layer->named_parameters();
  ASSERT_EQ(parameters.size(), 2u);
  EXPECT_EQ(parameters["pos.conv1"].sizes(), (at::IntArrayRef{2, 3, 3}));
  const auto x = random_features(*space, 1, 2, 2, at::kDouble, Rng(1));
  const auto y = layer->forward(x);
  for (size_t i = 0; i < x.size(); ++i) {
    const std::string name = "pos." + space->tensors()[i].name;
    const at::Tensor change = y[i] - x[i];
    if (!parameters.contains(name)) {
      EXPECT_EQ(change.abs().max().item<double>(), 0) << name;
      continue;
    }
    const at::Tensor expected = parameters[name].reshape({1, 1, 2, 1, 1, 3, 3}).expand_as(change);
    EXPECT_LE((change - expected).abs().max().item<double>(), kTolerance) << name;
  }
  const auto wide = std::make_shared<const WeightSpace>(
      std::vector<TensorDescription>{tensor("conv", {4, 3, 9, 9}, "[c, ~rgb, *, *]")});
  KernelPosEmbedding many(KernelPosEmbeddingOptions(wide, 128));  // 10,368 draws
  EXPECT_NEAR(many->named_parameters()["pos.conv"].std().item<double>(), 0.17, 0.005);
}

TEST(KernelPosEmbedding, HasNoPositionForAParentThatLayersPermute) {
  KernelPosEmbedding layer(KernelPosEmbeddingOptions(described("alibi"), 2));  // [[*head, qk@*head], d]
  EXPECT_TRUE(layer->parameters().empty());
}

TEST(KernelEncoding, AppendsTheCoordinatesOfAKernel) {
  const auto space = described("cnn");
  KernelEncoding layer(KernelEncodingOptions(space).num_bands(1));
  EXPECT_EQ(layer->options.axes(), 2);
  EXPECT_EQ(layer->num_out_chan(2), 2 + 2 * 3);
  const auto x = random_features(*space, 1, 2, 2, at::kDouble, Rng(1));
  const auto y = layer->forward(x);
  const at::Tensor code =
      fourier_encode(at::tensor({-1.0, 0.0, 1.0}, at::kDouble), 10, 1).t();  // [3 channels, 3 points]
  ASSERT_EQ(y[0].sizes(), (at::IntArrayRef{1, 2, 8, 4, 3, 3, 3}));
  const auto expected = [&](std::vector<int64_t> shape) { return code.reshape(shape).expand({1, 2, 3, 4, 3, 3, 3}); };
  EXPECT_LE(largest_difference({x[0], expected({1, 1, 3, 1, 1, 3, 1}), expected({1, 1, 3, 1, 1, 1, 3})},
                               {y[0].narrow(2, 0, 2), y[0].narrow(2, 2, 3), y[0].narrow(2, 5, 3)}),
            kTolerance);
  EXPECT_EQ(y[2].narrow(2, 2, 6).abs().max().item<double>(), 0) << "a bias has no kernel";
}

TEST(UnfResearchLayers, RefuseWhatCannotWork) {
  const auto space = described("cnn");
  expect_error([] { UnfPool layer(WeightSpacePtr{}); }, {"UnfPool", "weight space"});
  expect_error([&] { UnfPool(space)->forward({}); }, {"5", "received 0"});
  expect_error([&] { UnfPool(space)->forward(Tensors(5, at::zeros({2, 2}))); }, {"'conv1'", "[2, 2]"});
  expect_error([] { DeepSetLinear layer(DeepSetLinearOptions(0, 1)); }, {"DeepSetLinear", "0 input"});
  expect_error(
      [] {
        DeepSetLinear(DeepSetLinearOptions(3, 1))->forward({at::zeros({1, 1, 2, 4})});
      },
      {"[P, B, 3, shape...]", "[1, 1, 2, 4]"});
  expect_error([] { DeepSetPool()->forward({}); }, {"at least one tensor"});
  expect_error([&] { KernelPosEmbedding layer(KernelPosEmbeddingOptions(space, 0)); },
               {"KernelPosEmbedding", "0 input"});
  expect_error(
      [&] {
        KernelPosEmbedding layer(KernelPosEmbeddingOptions(space, 3));
        layer->forward(random_features(*space, 1, 1, 2, at::kFloat, Rng(1)));
      },
      {"'conv1'", "[P, B, 3", "[1, 1, 2, 4, 3, 3, 3]"});
  expect_error([&] { KernelEncoding layer(KernelEncodingOptions(space).axes(1)); }, {"'conv1' has 2", "axes to 2"});
}

}  // namespace
}  // namespace nfopt
