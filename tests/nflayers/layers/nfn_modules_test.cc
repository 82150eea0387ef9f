#include <gtest/gtest.h>
#include <nfopt/nflayers/kernels/aten/block_linear.h>
#include <nfopt/nflayers/layers/nfn/channel_dropout.h>
#include <nfopt/nflayers/layers/nfn/cross_attention.h>
#include <nfopt/nflayers/layers/nfn/feed_forward.h>
#include <nfopt/nflayers/layers/nfn/flatten_weights.h>
#include <nfopt/nflayers/layers/nfn/hnp_linear.h>
#include <nfopt/nflayers/layers/nfn/network_spec.h>
#include <nfopt/nflayers/layers/nfn/np_attention.h>
#include <nfopt/nflayers/layers/nfn/np_linear.h>
#include <nfopt/nflayers/layers/nfn/np_pool.h>
#include <nfopt/nflayers/layers/nfn/res_block.h>
#include <nfopt/nflayers/layers/nfn/state_dicts.h>
#include <nfopt/nflayers/layers/nfn/tuple_op.h>
#include <nfopt/nflayers/random/tensor_random.h>
#include <nfopt/nflayers/spec/error.h>
#include <torch/torch.h>

#include <set>
#include <sstream>

#include "tests/errors.h"
#include "tests/nflayers/layers/layer_zoo.h"
#include "tests/nflayers/spec/described_spaces.h"

namespace nfopt {
namespace {

using namespace testing;
using Tensors = std::vector<at::Tensor>;

WeightSpacePtr mlp(const std::vector<int64_t>& sizes) {
  std::vector<ArraySpec> weights, biases;
  for (size_t i = 0; i + 1 < sizes.size(); ++i) {
    weights.push_back({{sizes[i + 1], sizes[i]}});
    biases.push_back({{sizes[i + 1]}});
  }
  return NetworkSpec(weights, biases).weight_space();
}

TEST(EveryLayer, SurvivesCloneAndArchive) {
  for (const char* chosen : {"mlp", "bidirectional_lstm", "stacked_experts"}) {
    for (const auto& [name, tensors] : described_spaces()) {
      if (name != chosen) continue;
      const auto space = std::make_shared<const WeightSpace>(tensors);
      const auto x = random_features(*space, 1, 1, 4, at::kFloat, Rng(2));
      for (const ZooLayer& layer : layer_zoo()) {
        if (!layer.takes(*space)) continue;
        auto module = layer.make(space, 4), other = layer.make(space, 4);
        auto run = [&](torch::nn::AnyModule& m) {
          m.ptr()->eval();
          return layer.invariant ? Tensors{m.forward<at::Tensor>(x)} : m.forward<Tensors>(x);
        };
        randomize(*module.ptr(), Rng(1));
        const Tensors y = run(module);
        auto copy = module.clone();
        EXPECT_EQ(largest_difference(y, run(copy)), 0) << layer.name;
        std::stringstream archive;
        torch::serialize::OutputArchive out;
        module.ptr()->save(out);
        out.save_to(archive);
        torch::serialize::InputArchive in;
        in.load_from(archive);
        other.ptr()->load(in);
        EXPECT_EQ(largest_difference(y, run(other)), 0) << layer.name;
        std::ostringstream text;
        text << *module.ptr();
        EXPECT_EQ(text.str().substr(0, 7), "nfopt::") << layer.name;
        if (module.ptr()->parameters().empty()) continue;
        randomize(*module.ptr(), Rng(9));
        EXPECT_EQ(largest_difference(y, run(copy)), 0) << layer.name << ": the copy has its own parameters";
        EXPECT_GT(largest_difference(y, run(module)), 1e-4) << layer.name;
      }
    }
  }
}

TEST(NfnLayers, DependOnTheirSeedAlone) {
  const auto space = mlp({3, 4, 2});
  NPLinear a(NPLinearOptions(space, 2, 2).io_embed(true).seed(1)),
      b(NPLinearOptions(space, 2, 2).io_embed(true).seed(1)), c(NPLinearOptions(space, 2, 2).io_embed(true).seed(2));
  for (const auto& p : a->named_parameters()) {
    EXPECT_TRUE(at::equal(p.value(), b->named_parameters()[p.key()])) << p.key();
    EXPECT_FALSE(at::equal(p.value(), c->named_parameters()[p.key()])) << p.key();
  }
}

TEST(NPLinear, NamesItsMapsAfterTheHalvesOfOtherSpaces) {
  const auto space = std::make_shared<const WeightSpace>(
      std::vector<TensorDescription>{tensor("hh.weight", {8, 2}, "[[*4, h], h]"), tensor("s", {}, "[]")});
  NPLinear layer(NPLinearOptions(space, 3, 5));
  const auto parameters = layer->named_parameters();
  // hh: both axes kept, only one, none; the diagonal kept, the diagonal broadcast; s.
  std::set<std::string> names;
  for (const auto& p : parameters) names.insert(p.key());
  for (const char* half : {"k0_k1", "k0_b1", "b0_k1", "b0_b1", "k0=1", "b0=1"})
    EXPECT_EQ(names.count("maps.hh.weight." + std::string(half) + ".weight"), 1u) << half;
  EXPECT_EQ(names.count("maps.s.scalar.bias"), 1u);
  // Two axes with one label: the matrix and its transpose, 4 gates each.
  EXPECT_EQ(parameters["maps.hh.weight.k0_k1.weight"].sizes(), (at::IntArrayRef{4 * 5, 2 * 4 * 3}));
}

TEST(NPLinear, TakesAFeedForwardNetworkInAnyOrderOfTensors) {
  const auto in_turn = mlp({3, 4, 2});
  const WeightSpace& s = *in_turn;
  const auto shuffled = std::make_shared<const WeightSpace>(std::vector<TensorDescription>{
      s.descriptions()[3], s.descriptions()[0], s.descriptions()[2], s.descriptions()[1]});
  NPLinear a(NPLinearOptions(in_turn, 2, 2)), b(NPLinearOptions(shuffled, 2, 2));
  std::map<std::string, at::Tensor> state;
  for (const auto& p : a->named_parameters()) state.emplace(p.key(), p.value());
  load_state_dict(*b, state);
  const auto x = random_features(s, 1, 2, 2, at::kFloat, Rng(1));
  const auto y = a->forward(x), z = b->forward({x[3], x[0], x[2], x[1]});
  EXPECT_LE(largest_difference({y[3], y[0], y[2], y[1]}, z), 1e-6);
}

TEST(NPLinear, MapsAPopulationMemberByMember) {
  const auto space = mlp({3, 4, 2});
  const WeightSpace& s = *space;
  auto plan = std::make_shared<const Plan>(build_plan(s, Fold::all()));
  const LayoutLinearMap map(plan, 2, 1, hnp_layout(s, *plan, 2, 1).layout);
  Tensors members;
  for (const StoredParameter& p : map.parameters()) {
    std::vector<int64_t> sizes = {3};
    sizes.insert(sizes.end(), p.shape.begin(), p.shape.end());
    members.push_back(at::randn(sizes, at::kDouble).requires_grad_());
  }
  const auto x = random_features(s, 3, 2, 2, at::kDouble, Rng(1));
  const auto y = map(members, x);
  at::Tensor sum = at::zeros({}, at::kDouble);
  for (const at::Tensor& t : y) sum = sum + t.square().sum();
  const auto grads = torch::autograd::grad({sum}, members);
  for (int64_t p = 0; p < 3; ++p) {
    Tensors one, x_one;
    for (const at::Tensor& t : members) one.push_back(t.detach().narrow(0, p, 1).requires_grad_());
    for (const at::Tensor& t : x) x_one.push_back(t.narrow(0, p, 1));
    const auto y_one = map(one, x_one);
    at::Tensor sum_one = at::zeros({}, at::kDouble);
    for (size_t i = 0; i < y.size(); ++i) {
      EXPECT_LE((y_one[i] - y[i].narrow(0, p, 1)).abs().max().item<double>(), 1e-12);
      sum_one = sum_one + y_one[i].square().sum();
    }
    const auto grads_one = torch::autograd::grad({sum_one}, one);
    for (size_t i = 0; i < one.size(); ++i)
      EXPECT_LE((grads_one[i] - grads[i].narrow(0, p, 1)).abs().max().item<double>(), 1e-11)
          << map.parameters()[i].name;
  }
}

// Types without a loop of their own take the path of ATen, as CUDA does.
TEST(BlockMap, GivesTheSameOnEveryPath) {
  const auto space = mlp({3, 4, 2});
  auto plan = std::make_shared<const Plan>(build_plan(*space, Fold::all()));
  const LayoutLinearMap map(plan, 2, 1, hnp_layout(*space, *plan, 2, 1).layout);
  Tensors fast, slow;
  for (const StoredParameter& p : map.parameters()) {
    std::vector<int64_t> sizes = {2};
    sizes.insert(sizes.end(), p.shape.begin(), p.shape.end());
    slow.push_back(at::randint(-8, 8, sizes, at::kFloat).to(at::kBFloat16).requires_grad_());
    fast.push_back(slow.back().detach().to(at::kFloat).requires_grad_());
  }
  const at::Tensor a = map.coefficients(fast).values, b = map.coefficients(slow).values;
  EXPECT_LE((a - b.to(at::kFloat)).abs().max().item<float>(), 0.02 * a.abs().max().item<float>());
  const at::Tensor cotangent = at::randint(-4, 4, a.sizes(), at::kFloat);
  const auto ga = torch::autograd::grad({a}, fast, {cotangent});
  const auto gb = torch::autograd::grad({b}, slow, {cotangent.to(at::kBFloat16)});
  for (size_t i = 0; i < ga.size(); ++i)
    EXPECT_LE((ga[i] - gb[i].to(at::kFloat)).abs().max().item<float>(), 0.02 * (1 + ga[i].abs().max().item<float>()))
        << map.parameters()[i].name;
}

// A layer of many coefficients multiplies where its parameters lie. From assembled coefficients it gives the same, and so
// do its derivatives of first and second order.
TEST(BlockLinear, EqualsTheLayerWithAssembledCoefficients) {
  const auto cnn = NetworkSpec({{{6, 20, 5, 5}}, {{5, 6, 3, 3}}, {{3, 5}}}, {{{6}}, {{5}}, {{3}}}).weight_space();
  for (const WeightSpacePtr& space : {mlp({500, 6, 5, 7}), cnn}) {
    const auto plan = std::make_shared<const Plan>(build_plan(*space, Fold::all()));
    const AffineLayout layout = hnp_layout(*space, *plan, 4, 2);
    ASSERT_TRUE(BlockLinear::make(plan, 4, 2, layout.layout));  // else both sides of this test assemble
    const LayoutLinearMap map(plan, 4, 2, layout.layout);
    Tensors inputs;
    for (const StoredParameter& p : map.parameters()) {
      std::vector<int64_t> sizes = {1};
      sizes.insert(sizes.end(), p.shape.begin(), p.shape.end());
      inputs.push_back(at::empty(sizes, at::kDouble));
      fill_normal(inputs.back(), Rng(3).purpose(p.name), 0, 0.05);
    }
    const Tensors parameters = inputs, x = random_features(*space, 2, 3, 4, at::kDouble, Rng(4)),
                  cotangents = random_features(*space, 2, 3, 2, at::kDouble, Rng(5));
    inputs.insert(inputs.end(), x.begin(), x.end());
    for (at::Tensor& t : inputs) t.requires_grad_();
    auto expect_close = [](const Tensors& a, const Tensors& b, const char* what) {
      ASSERT_EQ(a.size(), b.size());
      for (size_t i = 0; i < a.size(); ++i)
        EXPECT_LE((a[i] - b[i]).abs().max().item<double>(), 1e-11 * (1e-3 + b[i].abs().max().item<double>()))
            << what << ' ' << i;
    };
    const Tensors in_place = map(parameters, x), assembled = map(map.coefficients(parameters), x);
    expect_close(in_place, assembled, "output");
    using torch::autograd::grad;
    const Tensors expected = grad(assembled, inputs, cotangents, true, true);
    expect_close(grad(in_place, inputs, cotangents, true), expected, "gradient");
    const Tensors first = grad(in_place, inputs, cotangents, true, true);
    expect_close(first, expected, "gradient with a graph");
    auto squares = [](const Tensors& list) {
      at::Tensor sum = at::zeros({}, at::kDouble);
      for (const at::Tensor& t : list) sum = sum + t.square().sum();
      return sum;
    };
    expect_close(grad({squares(first)}, inputs), grad({squares(expected)}, inputs), "second derivative");
  }
}

TEST(FeedForward, IsRecognisedByItsLabelsOnly) {
  std::set<std::string> found;
  for (const auto& [name, tensors] : described_spaces())
    if (FeedForward::recognize(WeightSpace(tensors))) found.insert(name);
  EXPECT_EQ(found, (std::set<std::string>{"mlp"}));
  EXPECT_TRUE(FeedForward::recognize(*mlp({4, 3})));
  auto network = [](const char* input, const char* hidden) {
    const std::string in = input, h = hidden;
    return WeightSpace({tensor("w0", {5, 3}, "[" + h + ", " + in + "]"), tensor("b0", {5}, "[" + h + "]"),
                        tensor("w1", {4, 5}, "[~out, " + h + "]"), tensor("b1", {4}, "[~out]")});
  };
  EXPECT_TRUE(FeedForward::recognize(network("~in", "h")));
  EXPECT_FALSE(FeedForward::recognize(network("in", "h")));    // inputs that may be permuted
  EXPECT_FALSE(FeedForward::recognize(network("~in", "~h")));  // hidden units that may not
}

TEST(NetworkSpec, ReadsModulesAndRefusesOthers) {
  torch::nn::Sequential cnn(torch::nn::Conv2d(3, 4, 3), torch::nn::ReLU(), torch::nn::Conv2d(4, 5, 1),
                            torch::nn::ReLU(), torch::nn::AdaptiveAvgPool2d(1), torch::nn::Flatten(),
                            torch::nn::Linear(5, 2));
  const auto spec = network_spec_from_module(*cnn);
  EXPECT_EQ(spec.size(), 3u);
  EXPECT_EQ(spec.get_io(), (std::pair<int64_t, int64_t>{3, 2}));
  const auto space = weight_space_from_module(*cnn);
  EXPECT_EQ(space->tensors()[2].name, "2.weight");
  EXPECT_EQ(space->parameter_count(), spec.get_num_params());
  const auto features = collate({state_dict_to_tensors(state_dict(*cnn)), state_dict_to_tensors(state_dict(*cnn))});
  EXPECT_EQ(NPLinear(NPLinearOptions(space, 1, 2))->forward(features.in_order())[0].sizes(),
            (at::IntArrayRef{1, 2, 2, 4, 3, 3, 3}));

  expect_error(
      [] { network_spec_from_module(*torch::nn::Sequential(torch::nn::Conv2d(3, 4, 3), torch::nn::Linear(16, 2))); },
      {"weight 1", "expected 4 columns", "[2, 16]"});
  expect_error(
      [] {
        network_spec_from_module(
            *torch::nn::Sequential(torch::nn::Linear(3, 4), torch::nn::LayerNorm(torch::nn::LayerNormOptions({4}))));
      },
      {"weight 1", "[rows, columns, kernel...]"});
  expect_error(
      [] {
        network_spec_from_module(*torch::nn::Sequential(torch::nn::Linear(torch::nn::LinearOptions(3, 4).bias(false)),
                                                        torch::nn::Linear(4, 2)));
      },
      {"expected a bias", "'1.weight'"});
  expect_error(
      [] {
        NetworkSpec({{{-1, 3}}, {{2, -1}}}, {{{-1}}, {{2}}}).weight_space();
      },
      {"[-1, 3]", "set_all_dims"});
}

TEST(StateDicts, AreReadInPairsAndWrittenBack) {
  torch::nn::Sequential net(torch::nn::Linear(3, 4), torch::nn::Tanh(), torch::nn::Linear(4, 2));
  const auto features = collate({state_dict_to_tensors(state_dict(*net))});
  const auto back = params_to_state_dicts({"a", "b", "c", "d"}, features);
  ASSERT_EQ(back.size(), 1u);
  EXPECT_TRUE(at::equal(back[0]["c"], net->named_parameters()["2.weight"]));
  StateDict unbiased;
  unbiased.insert("0.weight", at::zeros({2, 2}));
  unbiased.insert("1.weight", at::zeros({2, 2}));
  expect_error([&] { state_dict_to_tensors(unbiased); }, {"'1.weight'", "no bias"});
  expect_error([&] { params_to_state_dicts({"a"}, features); }, {"expected 4 keys, received 1"});
  const WeightSpaceFeatures channels({at::zeros({1, 2, 4, 3})}, {at::zeros({1, 2, 4})});
  expect_error([&] { params_to_state_dicts({"a", "b"}, channels); }, {"no channels", "'a'", "[1, 2, 4, 3]"});
}

TEST(StateDicts, ListEverythingThatDoesNotFit) {
  NPLinear layer(NPLinearOptions(mlp({3, 4, 2}), 1, 1));
  std::map<std::string, at::Tensor> state;
  for (const auto& p : layer->named_parameters()) state.emplace(p.key(), p.value().clone());
  state.erase("layer_0.weight");
  state["bias_1.bias"] = at::zeros({7});
  state["layer_9.weight"] = at::zeros({1});
  expect_error(
      [&] { load_state_dict(*layer, state); },
      {"'layer_0.weight' is missing", "'bias_1.bias': expected [1], received [7]", "'layer_9.weight' has no place"});

  std::vector<std::pair<std::string, at::Tensor>> twice;
  for (const auto& p : layer->named_parameters()) twice.emplace_back(p.key(), p.value().clone());
  twice.push_back(twice.front());
  expect_error([&] { load_state_dict(*layer, twice); }, {"more than one tensor", twice.front().first});
}

TEST(Dropout, KeepsTheMeanAndFollowsItsSeed) {
  const auto space = mlp({30, 40, 20});
  const auto x = random_features(*space, 1, 1, 8, at::kFloat, Rng(1));
  Tensors ones;
  for (const at::Tensor& t : x) ones.push_back(at::ones_like(t));
  ChannelDropout a(ChannelDropoutOptions(space, 0.25).seed(1)), b(ChannelDropoutOptions(space, 0.25).seed(1));
  const auto first = a->forward(ones), same = b->forward(ones), second = a->forward(ones);
  EXPECT_EQ(largest_difference(first, same), 0);
  EXPECT_GT(largest_difference(first, second), 0.1) << "every pass draws anew";
  for (size_t i = 0; i < first.size(); i += 2) {  // weights: whole channels
    const at::Tensor w = first[i].flatten(3);
    EXPECT_TRUE(at::equal(w.amax(3), w.amin(3)));
  }
  EXPECT_GT((first[1].amax(3) - first[1].amin(3)).max().item<float>(), 0.5F) << "biases: single entries";
  EXPECT_NEAR(first[1].mean().item<double>(), 1, 0.15);
  a->eval();
  EXPECT_EQ(largest_difference(ones, a->forward(ones)), 0);

  using torch::nn::AnyModule;
  ResBlock block(ResBlockOptions(AnyModule(TupleOp(torch::nn::Identity())), AnyModule(TupleOp(torch::nn::Identity())),
                                 0.5, AnyModule(TupleOp(torch::nn::Identity()))));
  const at::Tensor y = block->forward(ones)[0];  // 1 + (0 or 2)
  EXPECT_TRUE((y.eq(1) | y.eq(3)).all().item<bool>());
  EXPECT_NEAR(y.mean().item<double>(), 2, 0.05);
  NPAttention attention(NPAttentionOptions(space, 8).num_heads(2).dropout(0.5));
  EXPECT_GT(largest_difference(attention->forward(x), attention->forward(x)), 1e-4);
  attention->eval();
  EXPECT_EQ(largest_difference(attention->forward(x), attention->forward(x)), 0);
}

TEST(FlattenWeights, IsUndoneByUnflattenWeightsOnEveryDescribedSpace) {
  for (const auto& [name, tensors] : described_spaces()) {
    const auto space = std::make_shared<const WeightSpace>(tensors);
    const auto x = random_features(*space, 2, 3, 2, at::kFloat, Rng(1));
    const at::Tensor tokens = FlattenWeights(space)->forward(x);
    EXPECT_EQ(tokens.sizes(), (at::IntArrayRef{2, 3, token_count(*space), 2})) << name;
    EXPECT_EQ(largest_difference(x, UnflattenWeights(space)->forward(tokens)), 0) << name;
  }
}

TEST(NfnLayers, RefuseWhatCannotWork) {
  const auto space = mlp({3, 4, 2});
  expect_error([] { NPLinear layer(NPLinearOptions(nullptr, 1, 1)); }, {"NPLinear", "weight space"});
  expect_error([&] { HNPLinear layer(HNPLinearOptions(space, 0, 1)); }, {"HNPLinear", "0 input"});
  expect_error([&] { NPAttention layer(NPAttentionOptions(space, 6).num_heads(4)); }, {"6 channels", "4 heads"});
  expect_error([&] { ChannelDropout layer(ChannelDropoutOptions(space, 1.0)); }, {"ChannelDropout", "less than 1"});
  expect_error([] { init_type("xavier"); }, {"'xavier'", "kaiming_normal", "pytorch_default"});
  expect_error([&] { CrossAttnDecoder layer(CrossAttnDecoderOptions(space, 2).num_params(3)); },
               {"26", "num_params 3"});
  auto x = random_features(*space, 1, 1, 2, at::kFloat, Rng(1));
  x[1] = x[1].narrow(3, 0, 3);
  NPPool pool(space);
  expect_error([&] { pool->forward(x); }, {"'0.bias'", "[P, B, C, 4]", "[1, 1, 2, 3]"});
  expect_error([&] { UnflattenWeights(space)->forward(at::zeros({1, 1, 5, 2})); }, {"at least 26", "[1, 1, 5, 2]"});
  expect_error([] { WeightSpaceFeatures({at::zeros({1})}, {}); }, {"1 weights and 0 biases"});
}

}  // namespace
}  // namespace nfopt
