// One invariant predictor on networks of several architectures at once.

#include <gtest/gtest.h>
#include <nfopt/nflayers/action/random_element.h>
#include <nfopt/nflayers/layers/role_pool.h>
#include <nfopt/nflayers/layers/role_tied_predictor.h>
#include <nfopt/nflayers/random/tensor_random.h>
#include <nfopt/nflayers/spec/error.h>
#include <torch/torch.h>

#include <sstream>

#include "tests/errors.h"
#include "tests/nflayers/layers/layer_zoo.h"
#include "tests/nflayers/layers/network_families.h"
#include "tests/nflayers/spec/described_spaces.h"

namespace nfopt {
namespace {

using namespace testing;
using Tensors = std::vector<at::Tensor>;

constexpr double kTolerance = 1e-12;  // float64
constexpr int64_t kChannels = 2;

WeightSpacePtr shared(const Descriptions& tensors) { return std::make_shared<const WeightSpace>(tensors); }

NetworkGroup networks(const WeightSpacePtr& space, int64_t batch, uint64_t seed, int64_t members = 1) {
  return {space, random_features(*space, members, batch, kChannels, at::kDouble, Rng(seed))};
}

/// Perceptrons, CNNs and LSTMs, unlike each other in depth and in the kinds of their tensors.
struct Architectures {
  WeightSpacePtr mlp_space = shared(mlp(3)), cnn_space = shared(cnn(2)), lstm_space = shared(lstm(2, false));
  std::vector<WeightSpacePtr> all() const { return {mlp_space, cnn_space, lstm_space}; }
};

/// Biases are random, too.
RoleTiedPredictor make_predictor(const std::vector<WeightSpacePtr>& spaces, uint64_t seed = 1) {
  RoleTiedPredictor predictor(RoleTiedPredictorOptions(spaces, {kChannels, 5, 4}, 6, 3).seed(seed));
  predictor->to(torch::kDouble);
  const torch::NoGradGuard guard;
  for (const auto& item : predictor->named_parameters()) {
    at::Tensor t = item.value();
    if (t.dim() == 1) fill_normal(t, Rng(seed).purpose(item.key()), 0, 0.5);
  }
  return predictor;
}

double difference(const at::Tensor& a, const at::Tensor& b) { return largest_difference({a}, {b}); }

TEST(RoleTiedPredictor, IsInvariantUnderTheGroupOfEveryArchitectureOfABatch) {
  const Architectures some;
  RoleTiedPredictor predictor = make_predictor(some.all());
  std::vector<NetworkGroup> groups, moved;
  for (const WeightSpacePtr& space : some.all()) {
    groups.push_back(networks(space, 2, 3, 2));
    const GroupAction g(*space, random_layer_element(*space, Fold::none(), Rng(4)));
    moved.push_back({space, g(groups.back().x)});
  }
  const at::Tensor y = predictor->forward(groups);
  EXPECT_EQ(y.sizes(), (at::IntArrayRef{2, 6, 3}));
  EXPECT_GT((y - y.mean(1, true)).abs().max().item<double>(), 1e-2) << "the networks are told apart";
  EXPECT_LE(difference(y, predictor->forward(moved)), kTolerance);

  // Hidden units of one layer alone: another network.
  groups[0].x[0] = groups[0].x[0].flip(3);
  EXPECT_GT((predictor->forward(groups) - y).abs().max().item<double>(), 1e-4);
}

TEST(RoleTiedPredictor, GivesEveryNetworkTheNumberItGetsAlone) {
  const Architectures some;
  RoleTiedPredictor predictor = make_predictor(some.all());
  // Two groups of one architecture, apart from each other.
  const std::vector<NetworkGroup> groups = {networks(some.cnn_space, 2, 1), networks(some.mlp_space, 1, 2),
                                            networks(some.cnn_space, 1, 3), networks(some.lstm_space, 2, 4)};
  Tensors alone;
  for (const auto& [space, x] : groups)
    for (int64_t b = 0; b < x.front().size(1); ++b) {
      NetworkGroup one{space, {}};
      for (const at::Tensor& t : x) one.x.push_back(t.narrow(1, b, 1));
      alone.push_back(predictor->forward({one}));
    }
  EXPECT_LE(difference(at::cat(alone, 1), predictor->forward(groups)), kTolerance);
}

TEST(RoleTiedPredictor, GradientsOfEveryArchitectureReachTheSharedParameters) {
  const Architectures some;
  RoleTiedPredictor predictor = make_predictor(some.all());
  const auto gradient = [&](const std::vector<NetworkGroup>& groups) {
    return torch::autograd::grad({predictor->forward(groups).square().sum()}, predictor->parameters(), {}, {}, false,
                                 /*allow_unused=*/true);
  };
  const std::vector<NetworkGroup> groups = {networks(some.mlp_space, 2, 1), networks(some.cnn_space, 2, 2),
                                            networks(some.lstm_space, 2, 3)};
  const Tensors together = gradient(groups);
  std::vector<Tensors> alone;
  for (const NetworkGroup& group : groups) alone.push_back(gradient({group}));
  const auto parameters = predictor->named_parameters();
  size_t of_all = 0;
  for (size_t i = 0; i < together.size(); ++i) {
    ASSERT_TRUE(together[i].defined()) << parameters[i].key();
    at::Tensor sum = at::zeros_like(together[i]);
    size_t reached = 0;
    for (const Tensors& gradients : alone) {
      if (!gradients[i].defined() || gradients[i].abs().max().item<double>() == 0) continue;
      sum += gradients[i];
      ++reached;
    }
    of_all += reached == groups.size();
    EXPECT_LE(difference(sum, together[i]), kTolerance) << parameters[i].key();
  }
  EXPECT_GT(of_all, 40u) << "most keys of perceptrons are keys of all";

  // Along a random direction of all parameters and features.
  Tensors sources = predictor->parameters(), directions;
  std::vector<NetworkGroup> moving = groups;
  for (NetworkGroup& group : moving)
    for (at::Tensor& t : group.x) sources.push_back(t.requires_grad_());
  const auto loss = [&] { return predictor->forward(moving).square().sum(); };
  const Tensors grads = torch::autograd::grad({loss()}, sources, {}, {}, false, true);
  const torch::NoGradGuard guard;
  double along = 0;
  for (size_t i = 0; i < sources.size(); ++i) {
    directions.push_back(at::empty_like(sources[i]));
    fill_normal(directions[i], Rng(8).index(i), 0, 1);
    if (grads[i].defined()) along += (grads[i] * directions[i]).sum().item<double>();
  }
  const double step = 1e-7;
  const auto move = [&](double by) {
    for (size_t i = 0; i < sources.size(); ++i) sources[i].add_(directions[i], by);
  };
  move(step);
  const double up = loss().item<double>();
  move(-2 * step);
  const double slope = (up - loss().item<double>()) / (2 * step);
  EXPECT_NEAR(slope, along, 1e-5 * (1 + std::abs(along)));
}

TEST(RoleTiedPredictor, RunsOnArchitecturesThatItNeverSaw) {
  const Architectures some;
  RoleTiedPredictor predictor = make_predictor({some.mlp_space, some.cnn_space});
  for (const Descriptions& tensors : {mlp(5, 4), cnn(3), resnet({2, 1}), gpt(2)}) {
    const WeightSpacePtr space = shared(tensors);
    const NetworkGroup group = networks(space, 2, 3);
    const at::Tensor y = predictor->forward({networks(some.mlp_space, 1, 2), group});
    EXPECT_EQ(y.sizes(), (at::IntArrayRef{1, 3, 3}));
    EXPECT_GT((y.select(1, 1) - y.select(1, 2)).abs().max().item<double>(), 1e-4) << tensors[2].name;
    const GroupAction g(*space, random_layer_element(*space, Fold::none(), Rng(4)));
    EXPECT_LE(difference(y.narrow(1, 1, 2), predictor->forward({{space, g(group.x)}})), kTolerance);
    for (const RoleTiedLinear& layer : predictor->layers)  // longer chains have three more keys, residual ones many
      EXPECT_FALSE(layer->untrained_keys(space).empty()) << tensors[2].name;
  }
  EXPECT_TRUE(predictor->layers[0]->untrained_keys(some.cnn_space).empty());
}

TEST(RoleTiedPredictor, SurvivesCloneAndArchive) {
  const Architectures some;
  RoleTiedPredictor predictor = make_predictor(some.all(), 1), loaded = make_predictor(some.all(), 2);
  const std::vector<NetworkGroup> groups = {networks(some.mlp_space, 2, 1), networks(some.lstm_space, 1, 2)};
  const at::Tensor y = predictor->forward(groups);
  EXPECT_GT(difference(y, loaded->forward(groups)), 1e-3);
  std::stringstream file;
  torch::save(predictor, file);
  torch::load(loaded, file);
  EXPECT_EQ(difference(y, loaded->forward(groups)), 0);
  const auto copy = std::dynamic_pointer_cast<RoleTiedPredictorImpl>(predictor->clone());
  EXPECT_EQ(difference(y, copy->forward(groups)), 0);
  randomize(*predictor, Rng(9));
  EXPECT_EQ(difference(y, copy->forward(groups)), 0) << "the copy has its own parameters";
  EXPECT_GT(difference(y, predictor->forward(groups)), 1e-3);
  std::ostringstream text;
  text << *predictor;
  EXPECT_TRUE(text.str().starts_with("nfopt::RoleTiedPredictor(channels=[2, 5, 4], hidden=6, outputs=3)(\n"))
      << text.str();
}

// Further architectures can be trained on later: an archive loads where more of them are, or others.
TEST(RoleTiedPredictor, AnArchiveLoadsForOtherArchitectures) {
  const Architectures some;
  RoleTiedPredictor few = make_predictor({some.mlp_space}, 1), many = make_predictor(some.all(), 2);
  std::stringstream file;
  torch::save(few, file);
  torch::load(many, file);
  const std::vector<NetworkGroup> groups = {networks(some.mlp_space, 2, 1), networks(some.cnn_space, 1, 2)};
  EXPECT_LE(difference(few->forward(groups), many->forward(groups)), kTolerance);
  EXPECT_EQ(few->layers[0]->untrained_keys(some.lstm_space), many->layers[0]->untrained_keys(some.lstm_space));
  const auto before = many->layers[0]->untrained_keys().size();
  torch::optim::SGD sgd(many->parameters(), 0.1);
  many->forward({networks(some.cnn_space, 2, 3), networks(some.lstm_space, 2, 4)}).square().sum().backward();
  sgd.step();
  EXPECT_LT(many->layers[0]->untrained_keys().size(), before) << "they can be trained now";
}

// How much the weights of a network were scaled, whatever the network.
TEST(RoleTiedPredictor, LearnsFromAMixedBatch) {
  const Architectures some;
  RoleTiedPredictor predictor(
      RoleTiedPredictorOptions({some.mlp_space, some.cnn_space}, {kChannels, 8, 8}, 16, 1).seed(3));
  std::vector<NetworkGroup> groups;
  Tensors scales;
  for (const WeightSpacePtr& space : {some.mlp_space, some.cnn_space}) {
    scales.push_back(at::linspace(0.5, 1.5, 8));
    groups.push_back({space, random_features(*space, 1, 8, kChannels, at::kFloat, Rng(5))});
    for (at::Tensor& t : groups.back().x) {
      std::vector<int64_t> sizes(static_cast<size_t>(t.dim()), 1);
      sizes[1] = 8;
      t = t * scales.back().reshape(sizes);
    }
  }
  const at::Tensor target = at::cat(scales);
  torch::optim::Adam adam(predictor->parameters(), 1e-2);
  double first = 0, last = 0;
  for (int step = 0; step < 40; ++step) {
    adam.zero_grad();
    const at::Tensor loss = torch::mse_loss(predictor->forward(groups).flatten(), target);
    loss.backward();
    adam.step();
    (step == 0 ? first : last) = loss.item<double>();
  }
  EXPECT_LT(last, 0.5 * target.var().item<double>());
  EXPECT_LT(last, 0.5 * first);
}

TEST(RoleTiedPredictor, ListsWhatDoesNotFit) {
  const Architectures some;
  RoleTiedPredictor predictor = make_predictor(some.all());
  expect_error([&] { predictor->forward({}); }, {"at least one group"});
  NetworkGroup wide = networks(some.mlp_space, 2, 1), members = networks(some.mlp_space, 2, 1, 3);
  wide.x[1] = at::zeros({1, 2, kChannels, 7}, at::kDouble);
  expect_error(
      [&] {
        predictor->forward({networks(some.cnn_space, 1, 1), wide, {nullptr, {}}, members});
      },
      {"group 1: 'fc0.b': expected [1, 2, 2, 3], received [1, 2, 2, 7]", "group 2: no weight space",
       "group 3: 'fc0.w': expected [1, 2, 2, 3, 3], received [3, 2, 2, 3, 3]"});
  expect_error([&] { predictor->forward({{some.mlp_space, {}}}); }, {"group 0: expected 6", "received 0"});
  expect_error(
      [] {
        RoleTiedPredictor none(RoleTiedPredictorOptions({}, {1, 1}, 1, 1));
      },
      {"at least one architecture"});
  expect_error([&] { RoleTiedPredictor none(RoleTiedPredictorOptions(some.all(), {1}, 1, 1)); },
               {"at least two numbers"});
  expect_error([&] { RoleTiedPredictor none(RoleTiedPredictorOptions(some.all(), {1, 1}, 0, 1)); }, {"0 input"});
}

TEST(RolePool, AveragesTheTensorsOfEachRole) {
  auto weight = tensor("w", {2, 3}, "[h, ~in]"), other = tensor("v", {2}, "[h]"), bias = tensor("b", {2}, "[h]");
  bias.role = Role::bias;
  const auto space = shared({weight, bias, other});
  const Tensors x = random_features(*space, 1, 2, 3, at::kDouble, Rng(1));
  const at::Tensor y = RolePool(space)->forward(x);
  ASSERT_EQ(y.sizes(), (at::IntArrayRef{1, 2, 3 * kRoles}));
  const at::Tensor zero = at::zeros({1, 2, 3}, at::kDouble);
  // weight, table, bias, scale, stat, other
  EXPECT_LE(difference(at::cat({(x[0].mean({3, 4}) + x[2].mean(3)) / 2, zero, x[1].mean(3), zero, zero, zero}, 2), y),
            kTolerance);
  expect_error([&] { RolePool(space)->forward({x[0]}); }, {"3, received 1"});
  expect_error(
      [&] {
        RolePool(space)->forward({x[0], at::zeros({1, 2, 4, 2}), x[2]});
      },
      {"'b': expected [1, 2, 3, 2], received [1, 2, 4, 2]"});
  expect_error([] { RolePool pool(WeightSpacePtr{}); }, {"RolePool", "weight space"});
}

}  // namespace
}  // namespace nfopt
