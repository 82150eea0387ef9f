#include <nfopt/runtime/binding/binding.h>
#include <nfopt/runtime/optimizers/make_learned_optimizer.h>

#include "tests/runtime/binding/networks.h"

namespace nfopt {
namespace {

TensorDescription described(const std::string& name, const std::string& axes) {
  TensorDescription description;
  description.name = name;
  description.axes = axes;
  return description;
}

WeightSpacePtr space_of(std::vector<TensorDescription> tensors) {
  return std::make_shared<const WeightSpace>(std::move(tensors));
}

TEST(Bind, GivesTheVeryTensorsInTheOrderOfTheSpace) {
  TwoLayers net;
  auto live = live_tensors(net);
  std::reverse(live.begin(), live.end());
  const Binding binding = nfopt::bind(live, two_layer_space());
  ASSERT_EQ(binding.tensors.size(), 4u);
  const auto parameters = net.named_parameters();
  for (size_t i = 0; i < 4; ++i)
    EXPECT_TRUE(binding.tensors[i].is_same(parameters[binding.space->tensors()[i].name])) << i;
  EXPECT_TRUE(binding.extra.empty());
  EXPECT_EQ(binding.report.headline(), "4 of 4 tensors match");
}

TEST(Bind, FindsThePrefixesOfWrappers) {
  for (const std::vector<std::string>& path :
       {std::vector<std::string>{"module"}, {"model"}, {"_orig_mod", "model"}, {"policy", "encoder", "net"}}) {
    std::string prefix;
    for (const auto& part : path) prefix += part + ".";
    const Wrapped net(path, std::make_shared<TwoLayers>());
    const Binding binding = nfopt::bind(net, two_layer_space());
    EXPECT_EQ(binding.report.prefix.removed, prefix);
    EXPECT_EQ(binding.report.matched[0].live, prefix + "layers.0.weight");
    EXPECT_EQ(binding.named()[0].first, "layers.0.weight");
  }
}

TEST(Bind, AddsAPrefixThatOnlyTheDescriptionHas) {
  const auto space = space_of({described("transformer.wte.weight", "[~voc=7, d=4]"),
                               described("transformer.ln.weight", "[d]"), described("lm_head.weight", "[~voc, d]")});
  const NamedTensorList bare = {
      {"wte.weight", at::zeros({7, 4})}, {"ln.weight", at::zeros({4})}, {"lm_head.weight", at::ones({7, 4})}};
  const Binding binding = nfopt::bind(bare, space);
  EXPECT_EQ(binding.report.prefix.added, "transformer.");
  EXPECT_TRUE(binding.tensors[2].is_same(bare[2].second));  // outside of the prefix
}

TEST(Bind, TwoNetworksInOneModuleNeedAPrefix) {
  torch::nn::Module both;
  both.register_module("actor", std::make_shared<TwoLayers>());
  const auto critic = both.register_module("critic", std::make_shared<TwoLayers>());
  expect_error([&] { nfopt::bind(both, two_layer_space()); },
               {"equally well", "'actor.'", "'critic.'", "BindOptions::prefix"});
  BindOptions options;
  options.prefix = "critic.";
  const Binding binding = nfopt::bind(both, two_layer_space(), options);
  EXPECT_TRUE(binding.tensors[1].is_same(critic->named_parameters()["layers.0.bias"]));
  EXPECT_EQ(binding.extra.size(), 4u);
}

TEST(Bind, OneMessageListsEverythingThatDoesNotMatch) {
  const auto space = space_of({described("a.weight", "[h=4, ~in=5]"), described("b.weight", "[h, k=6]"),
                               described("c.weight", "[k, m=2]"), described("d.weight", "[m, k]"),
                               described("e.weight", "[m, ~out=9]"), described("f.weight", "[m]")});
  const NamedTensorList live = {{"a.weight", at::zeros({4, 5})},         {"b.weight", at::zeros({6, 4})},
                                {"c.wieght", at::zeros({6, 2})},         {"d.weight", at::zeros({2, 7})},
                                {"renamed.kernel", at::zeros({2, 9})},   {"f.weight", at::zeros({2}, at::kLong)},
                                {"head.positions", at::zeros({3, 3, 3})}};
  const std::string text = expect_error(
      [&] { nfopt::bind(live, space); },
      {"[binding]", "2 of 6 tensors match, 2 missing, 2 of another shape, 1 unusable, 3 extra",
       "'b.weight': expected [4, 6], received [6, 4], its transpose.", "'d.weight': expected [2, 6], received [2, 7].",
       "'c.weight' is missing. Did you mean 'c.wieght'? Expected a parameter [6, 2].",
       "'e.weight' is missing. Did you mean 'renamed.kernel'?", "'f.weight' is not of a floating-point type",
       "'head.positions' [3, 3, 3]"});
  EXPECT_EQ(text.find("'a.weight'"), std::string::npos) << text;
}

TEST(Bind, AnotherArchitectureIsSaidToBeOne) {
  expect_error(
      [&] {
        nfopt::bind(NamedTensorList{{"x", at::zeros({2})}}, two_layer_space());
      },
      {"0 of 4 tensors match", "another architecture", "'x' [2]"});
  expect_error([&] { nfopt::bind(NamedTensorList{}, two_layer_space()); }, {"0 of 4", "'layers.1.bias' is missing"});
  expect_error(
      [&] {
        nfopt::bind(NamedTensorList{{"x", at::zeros({2})}, {"x", at::zeros({2})}}, two_layer_space());
      },
      {"Two tensors have one name: 'x'"});
  expect_error(
      [&] {
        nfopt::bind(NamedTensorList{{"layers.0.weight", at::Tensor()}}, two_layer_space());
      },
      {"'layers.0.weight' is undefined"});
}

TEST(Bind, ExtraTensorsAreListedOrRefused) {
  TwoLayers net;
  net.register_parameter("scale", at::ones({2}));
  net.register_buffer("mean", at::ones({5}));
  const Binding binding = nfopt::bind(net, two_layer_space());
  ASSERT_EQ(binding.extra.size(), 2u);
  EXPECT_EQ(binding.extra[0].name, "scale");
  EXPECT_EQ(binding.extra[1].kind, Kind::buffer);
  BindOptions strict;
  strict.extra = ExtraTensors::refuse;
  expect_error([&] { nfopt::bind(net, two_layer_space(), strict); },
               {"4 of 4 tensors match, 2 extra", "'scale' [2]", "'mean' [5]"});
}

TEST(Bind, TiesAreFoundByIdentity) {
  TwoLayers net;
  net.register_parameter("copy", net.named_parameters()["layers.1.weight"]);
  const Binding binding = nfopt::bind(net, two_layer_space());  // not declared: the second name is not an extra tensor
  EXPECT_TRUE(binding.extra.empty());
  ASSERT_EQ(binding.report.tied.size(), 1u);
  EXPECT_EQ(binding.report.tied[0].live, "copy");
  EXPECT_EQ(binding.report.tied[0].of, "layers.1.weight");

  // One tensor in two described places would step twice.
  const auto space = space_of({described("a", "[h=4]"), described("b", "[h]")});
  const at::Tensor shared = at::zeros({4});
  expect_error(
      [&] {
        nfopt::bind(NamedTensorList{{"a", shared}, {"b", shared}}, space);
      },
      {"'b' is the same tensor as another one of the space, 'a'", "`tied`"});
}

TEST(Bind, DeclaredTiesNeedOneStorageWhereSomethingTrains) {
  auto table = described("wte", "[~voc=7, d=4]");
  table.tied = {"lm_head.weight"};
  const auto space = space_of({table});
  const at::Tensor wte = at::rand({7, 4});
  const auto bound = [&](const at::Tensor& a, const at::Tensor& b) {
    return nfopt::bind(NamedTensorList{{"net.wte", a}, {"net.lm_head.weight", b}}, space);
  };
  EXPECT_EQ(bound(wte, wte).report.tied.size(), 1u);
  EXPECT_EQ(bound(wte, wte.detach()).report.tied.size(), 1u);
  EXPECT_EQ(bound(wte, wte.clone()).report.tied.size(), 1u);  // a state dict
  const auto parts = {std::string("'net.lm_head.weight' is declared tied to 'wte' and has storage of its own")};
  expect_error([&] { bound(wte, wte + 1); }, parts);
  expect_error([&] { bound(wte.clone().requires_grad_(), wte.clone().requires_grad_()); }, parts);
  // Only the copy's name is left, as when a writer drops duplicates.
  const Binding binding = nfopt::bind(NamedTensorList{{"lm_head.weight", wte}}, space);
  EXPECT_TRUE(binding.tensors[0].is_same(wte));
}

TEST(Bind, BuffersAndParametersAreNotMixedUp) {
  auto mean = described("mean", "[c=3]");
  mean.kind = Kind::buffer;
  const auto space = space_of({described("weight", "[c]"), mean});
  torch::nn::Module net;
  net.register_buffer("weight", at::ones({3}));
  net.register_parameter("mean", at::ones({3}));
  expect_error([&] { nfopt::bind(net, space); }, {"'weight' is a buffer of the network and described as a parameter",
                                                  "'mean' is a parameter of the network and described as a buffer"});
  EXPECT_NO_THROW(nfopt::bind(NamedTensorList{{"weight", at::ones({3})}, {"mean", at::ones({3})}}, space));
}

TEST(Bind, FrozenParametersAreReportedAndNeverChange) {
  TwoLayers net;
  net.named_parameters()["layers.0.weight"].set_requires_grad(false);
  const Binding binding = nfopt::bind(net, two_layer_space());
  EXPECT_TRUE(binding.report.matched[0].frozen);
  EXPECT_FALSE(binding.report.matched[1].frozen);
  EXPECT_NE(binding.report.matches().find("frozen      'layers.0.weight'"), std::string::npos);

  const at::Tensor frozen = net.named_parameters()["layers.0.weight"].clone();
  const at::Tensor bias = net.named_parameters()["layers.0.bias"].detach().clone();
  LearnedOptimizer optimizer = make_learned_optimizer(binding, "unf", LearnedOptimizerOptions().weight_decay(0.1));
  net.forward(at::ones({2, 5})).square().sum().backward();
  optimizer.step();
  EXPECT_TRUE(at::equal(frozen, net.named_parameters()["layers.0.weight"]));
  EXPECT_FALSE(at::equal(bias, net.named_parameters()["layers.0.bias"]));
}

TEST(Bind, MemoryLayoutDoesNotChangeTheStep) {
  const auto space =
      space_of({described("conv.weight", "[c=4, ~in=3, *3, *3]"), described("fc.weight", "[~out=2, c]")});
  const at::Tensor conv = at::arange(108, at::kDouble).div(50).sin().reshape({4, 3, 3, 3});
  const at::Tensor fc = at::arange(8, at::kDouble).cos().reshape({2, 4});
  const auto stepped = [&](at::Tensor a, at::Tensor b) {
    const Binding binding = nfopt::bind(NamedTensorList{{"conv.weight", a}, {"fc.weight", b}}, space);
    LearnedOptimizer optimizer = make_learned_optimizer(binding, "unf");
    for (int step = 0; step < 3; ++step) {
      optimizer.zero_grad();
      (a.sin().mean() + b.matmul(a.mean({1, 2, 3})).square().mean()).backward();
      optimizer.step();
    }
    return std::pair(a.detach().contiguous(), b.detach().contiguous());
  };
  const auto plain = stepped(conv.clone().requires_grad_(), fc.clone().requires_grad_());
  at::Tensor last = conv.clone().contiguous(at::MemoryFormat::ChannelsLast).requires_grad_();
  at::Tensor strided = fc.t().contiguous().t().requires_grad_();
  ASSERT_FALSE(last.is_contiguous());
  ASSERT_FALSE(strided.is_contiguous());
  const auto other = stepped(last, strided);
  EXPECT_FALSE(at::equal(plain.first, conv));
  EXPECT_LE((plain.first - other.first).abs().max().item<double>(), 1e-13);  // float64, sums in another order
  EXPECT_LE((plain.second - other.second).abs().max().item<double>(), 1e-13);

  expect_error(
      [&] {
        stepped(conv.clone().requires_grad_(), at::ones({2, 1}, at::kDouble).expand({2, 4}));
      },
      {"'fc.weight' has entries that share memory"});
}

TEST(MakeLearnedOptimizer, NamesWhatARuleCanBe) {
  TwoLayers net;
  const Binding binding = nfopt::bind(net, two_layer_space());
  expect_error([&] { make_learned_optimizer(binding, "unff"); }, {"'unff' is neither", "Did you mean 'unf'?"});
  expect_error([&] { make_learned_optimizer(binding, "nowhere.safetensors"); }, {"nowhere.safetensors"});
}

TEST(MakeLearnedOptimizer, ExtraParametersNeedAFallbackAndBuffersDoNot) {
  TwoLayers net;
  net.register_buffer("mean", at::ones({5}));
  EXPECT_NO_THROW(make_learned_optimizer(nfopt::bind(net, two_layer_space()), "unf"));
  net.register_parameter("scale", at::ones({2}));
  const Binding binding = nfopt::bind(net, two_layer_space());
  expect_error([&] { make_learned_optimizer(binding, "unf"); }, {"'scale'", "fallback"});
  EXPECT_NO_THROW(make_learned_optimizer(binding, "unf", LearnedOptimizerOptions().fallback(FallbackOptions())));
}

}  // namespace
}  // namespace nfopt
