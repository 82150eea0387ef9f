#include <gtest/gtest.h>
#include <nfopt/nflayers/random/tensor_random.h>
#include <nfopt/nflayers/spec/error.h>
#include <nfopt/runtime/network/trainable.h>
#include <nfopt/runtime/plugin/registry.h>
#include <tests/plugins/conformance.h>
#include <torch/types.h>

#include <cmath>

namespace nfopt {
namespace {

using testing::Subject;

ArchitecturePtr mlp() { return Registry::global().find("mlp"); }

std::map<std::string, OptionValue> options(std::vector<int64_t> hidden) {
  return {{"input_size", int64_t{6}},
          {"output_size", int64_t{3}},
          {"hidden", std::move(hidden)},
          {"activation", std::string("tanh")}};
}

Instance small() { return instantiate(mlp(), options({4, 5})); }

TEST(Mlp, Conforms) {
  testing::expect_conformance(Subject{mlp(), options({4, 5}), {6}});
  testing::expect_conformance(Subject{mlp(), options({}), {6}});
  auto images = options({7});
  images["bias"] = false;
  images["initialization"] = std::string("lecun_normal");
  testing::expect_conformance(Subject{mlp(), images, {2, 3}});
}

TEST(Mlp, DescribesPyTorchsNamesAndLayouts) {
  const Instance instance = small();
  std::vector<std::string> names;
  for (const auto& tensor : instance.space->tensors()) names.push_back(tensor.name);
  EXPECT_EQ(names, (std::vector<std::string>{"layers.0.weight", "layers.0.bias", "layers.1.weight", "layers.1.bias",
                                             "layers.2.weight", "layers.2.bias"}));
  EXPECT_EQ(instance.space->tensors()[0].shape, (std::vector<int64_t>{4, 6}));
  EXPECT_EQ(instance.space->tensors()[0].block, "layers.0");
  EXPECT_EQ(instance.space->parameter_count(), 6 * 4 + 4 + 4 * 5 + 5 + 5 * 3 + 3);
}

TEST(Mlp, ComputesWhatTorchLinearComputes) {
  const Instance instance = small();
  const auto network = make_network(instance);
  Members w = testing::random_members(instance.space, *network, 1, Rng(1));
  at::Tensor x = at::empty({1, 8, 6}, at::kDouble);
  fill_normal(x, Rng(2), 0, 1);
  at::Tensor h = x[0];
  for (const char* layer : {"layers.0", "layers.1", "layers.2"}) {
    if (layer != std::string("layers.0")) h = h.tanh();
    const Members own = w.scope(layer);
    h = at::linear(h, own[".weight"][0], own[".bias"][0]);
  }
  EXPECT_LT((network->forward(w, x, Pass{})[0] - h).abs().max().item<double>(), 1e-14);
}

TEST(Mlp, StartsAsASirenWhereAsked) {
  const Instance instance = instantiate(mlp(), {{"input_size", int64_t{2}},
                                                {"output_size", int64_t{40}},
                                                {"hidden", std::vector<int64_t>{60, 50}},
                                                {"activation", std::string("sine")},
                                                {"initialization", std::string("siren")}});
  const auto network = make_network(instance);
  Members w = Members::zeros(instance.space, 20, at::kDouble);
  network->initialize(w, Rng(1));
  const double bounds[] = {30.0 / 2,
                           30 / std::sqrt(2.0),  // arXiv:2006.09661, 30 folded in
                           std::sqrt(6.0 / 60),
                           30 / std::sqrt(60.0),
                           std::sqrt(6.0 / 50) / 30,
                           1 / std::sqrt(50.0)};
  for (size_t i = 0; i < 6; ++i) {  // uniform: at least 800 draws come near the bound and have a third of its square
    const at::Tensor& t = w.tensors()[i];
    const std::string& name = instance.space->tensors()[i].name;
    EXPECT_LE(t.abs().max().item<double>(), bounds[i]) << name;
    EXPECT_GE(t.abs().max().item<double>(), 0.98 * bounds[i]) << name;
    EXPECT_NEAR(t.square().mean().item<double>() * 3 / (bounds[i] * bounds[i]), 1, 0.12) << name;
  }
  // What the start is for: units of every depth vary by about as much, and the sines are far from linear.
  at::Tensor x = at::empty({1, 500, 2}, at::kDouble);
  const at::Tensor h =
      at::sin(at::linear(fill_uniform(x, Rng(2), -1, 1)[0], w["layers.0.weight"][0], w["layers.0.bias"][0]));
  const at::Tensor next = at::sin(at::linear(h, w["layers.1.weight"][0], w["layers.1.bias"][0]));
  EXPECT_NEAR(h.std(0).mean().item<double>(), next.std(0).mean().item<double>(), 0.2);
}

// A test that can fail is worth more than three that cannot.
TEST(Mlp, AFreshLabelForTheColumnsIsNotASymmetry) {
  const Instance instance = small();
  auto descriptions = instance.space->descriptions();
  for (auto& tensor : descriptions) {
    if (tensor.name == "layers.1.weight") tensor.axes = "[h2=5, other=4]";
  }
  const auto wrong = std::make_shared<const WeightSpace>(descriptions);
  const auto network = make_network(instance);
  EXPECT_GT(testing::symmetry_error(wrong, *network, {6}, Rng(3)), 1e-3);
  EXPECT_LT(testing::symmetry_error(instance.space, *network, {6}, Rng(3)), 1e-10);
}

TEST(Mlp, InputsAreNotASymmetry) {
  const Instance instance = small();
  auto descriptions = instance.space->descriptions();
  descriptions[0].axes = "[h1=4, in=6]";
  EXPECT_GT(
      testing::symmetry_error(std::make_shared<const WeightSpace>(descriptions), *make_network(instance), {6}, Rng(4)),
      1e-3);
}

TEST(Mlp, NamesEveryWidthBelowOne) {
  auto bad = options({4, 0, -2});
  bad["input_size"] = int64_t{0};
  try {
    instantiate(mlp(), bad);
    FAIL() << "accepted widths below 1";
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(),
                 "[mlp] Every width is at least 1: received input_size = 0, hidden[1] = 0, hidden[2] = -2.");
  }
}

TEST(Mlp, SaysWhatItExpectsOfAnInput) {
  const Instance instance = small();
  const auto network = make_network(instance);
  Members w = Members::zeros(instance.space, 2, at::kDouble);
  for (const auto& shape : {std::vector<int64_t>{1, 8, 7}, {8, 6}, {6}, {3, 8, 6}}) {
    try {
      network->forward(w, at::zeros(shape, at::kDouble), Pass{});
      ADD_FAILURE() << "accepted an input of shape " << at::IntArrayRef(shape);
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find("xpect"), std::string::npos) << error.what();
    }
  }
}

TEST(Mlp, LibTorchsErrorsLoseTheirBacktraceAtTheBoundary) {
  const Instance instance = small();
  Members w = Members::zeros(instance.space, 1, at::kDouble);
  try {
    make_network(instance)->forward(w, at::zeros({1, 8, 6}, at::kFloat), Pass{});
    FAIL() << "multiplied float32 by float64";
  } catch (const Error& error) {
    const std::string text = error.what();
    EXPECT_NE(text.find("[plugins] 'mlp' failed in forward:"), std::string::npos) << text;
    EXPECT_EQ(text.find("frame #"), std::string::npos) << text;
  }
}

TEST(Mlp, StaysTrainableBehindTheGuard) {
  EXPECT_NO_THROW(trainable(mlp()));
  EXPECT_NE(dynamic_cast<const TrainableArchitecture*>(mlp().get()), nullptr);
  EXPECT_EQ(Registry::global().entry("mlp").manifest.uses_torch, 1u);
}

}  // namespace
}  // namespace nfopt
