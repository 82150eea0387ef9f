#include <gtest/gtest.h>
#include <nfopt/nflayers/random/tensor_random.h>
#include <nfopt/nflayers/spec/error.h>
#include <nfopt/runtime/network/trainable.h>
#include <nfopt/runtime/plugin/registry.h>
#include <tests/plugins/conformance.h>
#include <torch/types.h>

namespace nfopt {
namespace {

using Integers = std::vector<int64_t>;
using Values = std::map<std::string, OptionValue>;

ArchitecturePtr cnn() { return Registry::global().find("cnn"); }

Example example(const std::string& name) { return testing::example_of(cnn(), name); }
Instance instance_of(const std::string& name) { return testing::instance_of(cnn(), name); }

std::string axes_of(const Instance& instance, const std::string& tensor) {
  return instance.space->descriptions()[instance.space->index(tensor)].axes;
}

double error_with(const std::string& name, const std::vector<testing::Edit>& edits) {
  return testing::edited_error(cnn(), name, edits);
}

TEST(Cnn, EveryExampleConforms) {
  EXPECT_GE(cnn()->examples().size(), 10u);
  testing::expect_conformance_of_examples(cnn());
}

TEST(Cnn, ComputesWhatTorchComputes) {
  Values options = example("batch_norm_flatten").options;
  options["stride"] = Integers{1, 2};
  options["activation"] = std::string("relu");
  const Instance instance = instantiate(cnn(), options);
  const auto network = make_network(instance);
  Members w = testing::random_members(instance.space, *network, 1, Rng(1));
  at::Tensor x = at::empty({1, 4, 2, 5, 6}, at::kDouble);
  fill_normal(x, Rng(2), 0, 1);
  at::Tensor h = x[0];
  for (const std::string i : {"0", "1"}) {
    h = at::conv2d(h, w["convs." + i + ".weight"][0], {}, i == "0" ? 1 : 2);
    const Members norm = w.scope("norms." + i);
    h = at::batch_norm(h, norm[".weight"][0], norm[".bias"][0], norm[".running_mean"][0], norm[".running_var"][0],
                       false, 0.1, 1e-5, false);
    h = h.relu();
  }
  const at::Tensor expected = at::linear(h.flatten(1), w["fc.weight"][0], w["fc.bias"][0]);
  EXPECT_LT((network->forward(w, x, Pass{})[0] - expected).abs().max().item<double>(), 1e-13);
}

TEST(Cnn, TakesFlatExamplesAndImagesOfAnySizeWhenItAverages) {
  const Instance instance = instance_of("average");
  const auto network = make_network(instance);
  Members w = testing::random_members(instance.space, *network, 2, Rng(1));
  at::Tensor flat = at::empty({1, 3, 60}, at::kDouble);
  fill_normal(flat, Rng(2), 0, 1);
  EXPECT_TRUE(at::equal(network->forward(w, flat, Pass{}), network->forward(w, flat.view({1, 3, 2, 5, 6}), Pass{})));
  EXPECT_EQ(network->forward(w, at::zeros({1, 3, 2, 9, 4}, at::kDouble), Pass{}).sizes(), (Integers{2, 3, 3}));

  const Instance fixed = instance_of("flatten");
  Members v = testing::random_members(fixed.space, *network, 1, Rng(1));
  EXPECT_THROW(make_network(fixed)->forward(v, at::zeros({1, 3, 2, 9, 4}, at::kDouble), Pass{}), Error);
  EXPECT_THROW(network->forward(w, at::zeros({1, 3, 59}, at::kDouble), Pass{}), Error);
}

TEST(Cnn, GroupsFactorEveryAxisTheyTouch) {
  const std::vector<std::array<std::string, 3>> expected = {
      {"average", "convs.1.weight", "[c2=3, c1=4, *3, *3]"},
      {"average", "fc.weight", "[~out=3, c2=3]"},
      {"flatten", "fc.weight", "[~out=3, [c2=3, ~pix=9]]"},
      {"batch_norm", "norms.0.running_var", "[c1=4]"},
      {"batch_norm", "norms.0.num_batches_tracked", "[]"},
      {"group_norm", "convs.1.weight", "[[c2a=2, c2@c2a=3], [c1a=2, c1@c1a=2], *3, *3]"},
      {"group_norm", "norms.1.weight", "[[c2a=2, c2@c2a=3]]"},
      {"layer_norm", "norms.0.weight", "[c1=4]"},
      {"grouped", "convs.0.weight", "[[c1a=2, c1@c1a=2], ~in=2, *3, *3]"},
      {"grouped", "convs.1.weight", "[[c1a=2, c2@c1a=3], c1@c1a=2, *3, *3]"},
      {"grouped", "convs.2.weight", "[c3=5, [c1a=2, c2@c1a=3], *3, *3]"},
      {"separable", "convs.1.weight", "[c1=4, *1, *3, *3]"},
      {"separable", "convs.2.weight", "[c3=6, c1=4, *1, *1]"},
      {"depthwise_multiplier", "convs.1.weight", "[[c1=3, c2@c1=2], *1, *3, *3]"},
      {"grouped_coarser_than_its_norm", "convs.1.weight",
       "[[c1a=2, c2b@c1a=2, c2@c2b=3], [c1b@c1a=2, c1@c1b=2], *3, *3]"},
      {"grouped_finer_than_its_norm", "convs.1.weight", "[[c1a=2, c1b@c1a=2, c2@c1b=3], c1@c1b=2, *3, *3]"},
      {"depthwise_below_group_norm", "convs.1.weight", "[[c1a=2, c1@c1a=2], *1, *3, *3]"},
      {"groups_that_share_a_divisor", "convs.1.weight", "[[c1a=2, ~c2=12], ~g2=2, *3, *3]"},
      {"groups_without_a_divisor", "norms.0.weight", "[~c1=6]"},
      {"grouped_image", "convs.0.weight", "[[~in=2, c1@~in=2], *1, *3, *3]"},
  };
  for (const auto& [name, tensor, axes] : expected) EXPECT_EQ(axes_of(instance_of(name), tensor), axes) << name;
}

TEST(Cnn, AFlatLabelThroughGroupNormIsNotASymmetry) {
  EXPECT_GT(error_with("group_norm", {{"", "[c1a=2, c1@c1a=2]", "c1=4"}}), 1e-3);
  EXPECT_LT(error_with("group_norm", {{"", "c1a", "renamed"}}), 1e-10);
}

TEST(Cnn, GroupsOfAConvolutionMoveItsOutputsWithItsInputs) {
  // Output blocks that move on their own, then outputs that move out of their blocks.
  EXPECT_GT(error_with("grouped", {{"convs.1", "c1@c1a=2", "~k=2"}, {"", "c1a=2, c2@c1a", "free=2, c2@free"}}), 1e-3);
  EXPECT_GT(error_with("grouped", {{"convs.1", "c1@c1a=2", "~k=2"}, {"", "[c1a=2, c2@c1a=3]", "free=6"}}), 1e-3);
  EXPECT_GT(error_with("separable", {{"convs.2", "c1=4", "free=4"}}), 1e-3);
}

TEST(Cnn, PixelsBeforeChannelsIsNotHowAnImageIsFlattened) {
  EXPECT_GT(error_with("flatten", {{"fc.weight", "[c2=3, ~pix=9]", "[~pix=9, c2=3]"}}), 1e-3);
}

TEST(Cnn, RunningStatisticsThatStayBehindAreFound) {
  EXPECT_GT(error_with("batch_norm", {{"running_mean", "[c1=4]", "[*4]"}}), 1e-3);
  EXPECT_GT(error_with("batch_norm", {{"running_var", "[c2=5]", "[*5]"}}), 1e-3);

  // Buffers that are not described at all cannot be forgotten silently, either.
  const Instance instance = instance_of("batch_norm");
  auto descriptions = instance.space->descriptions();
  std::erase_if(descriptions, [](const TensorDescription& tensor) { return tensor.kind == Kind::buffer; });
  const auto space = std::make_shared<const WeightSpace>(descriptions);
  Members w = Members::zeros(space, 1, at::kDouble);
  EXPECT_THROW(make_network(instance)->forward(w, at::zeros({1, 2, 60}, at::kDouble), Pass{}), Error);
}

// The blocks of 4 and of 6 do not permute: a plain label in place of the ordered one claims too much.
TEST(Cnn, GroupsThatDoNotDivideEachOtherLeaveTheirCommonBlocks) {
  EXPECT_GT(error_with("groups_that_share_a_divisor", {{"", "[c1a=2, ~c1=6]", "[c1a=2, c1@c1a=6]"}}), 1e-3);
  EXPECT_GT(error_with("groups_that_share_a_divisor", {{"", "[c1a=2, ~c1=6]", "[c1a=2, c1b=3, ~c1=2]"}}), 1e-3);
}

TEST(Cnn, ChannelsOfTheImageAndBlocksThatReadThemAreNotASymmetry) {
  EXPECT_GT(error_with("average", {{"convs.0", "~in=2", "in=2"}}), 1e-3);
  EXPECT_GT(error_with("grouped_image", {{"", "~in", "in"}}), 1e-3);
}

TEST(Cnn, RecognisesWhatLeavesATrace) {
  Values options = example("separable").options;
  options["head"] = std::string("flatten");
  options["stride"] = Integers{1, 2, 1, 1, 1};
  NamedShapes shapes;
  const WeightSpacePtr space = instantiate(cnn(), options).space;
  for (const auto& tensor : space->tensors()) shapes.emplace_back(tensor.name, tensor.shape);
  const auto found = cnn()->recognize(shapes);
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->at("groups"), OptionValue(Integers{1, 4, 1, 6, 1}));
  EXPECT_EQ(found->at("kernel"), OptionValue(Integers{3, 3, 1, 3, 1}));
  EXPECT_EQ(found->at("norm"), OptionValue(std::string("batch")));
  EXPECT_EQ(found->at("input"), OptionValue(Integers{2, 3, 3})) << "without strides, the image is what is flattened";
}

TEST(Cnn, DoesNotRecogniseStrangeShapes) {
  for (const NamedShapes& shapes : std::vector<NamedShapes>{
           {{"convs.0.weight", {0, 0, 3, 3}}, {"fc.weight", {3, 0}}},
           {{"convs.0.weight", {4, 2, 3, 3}}, {"convs.1.weight", {4, 9, 3, 3}}, {"fc.weight", {3, 4}}},
           {{"convs.0.weight", {4, 2, 3}}},
           {{"convs.0.weight", {4, 2, 3, 5}}, {"convs.0.bias", {4}}, {"fc.weight", {3, 4}}, {"fc.bias", {3}}},
           {{"fc.weight", {3, 4}}, {"fc.bias", {3}}}}) {
    EXPECT_FALSE(cnn()->recognize(shapes).has_value());
  }
}

TEST(Cnn, NamesEveryOptionThatMakesNoNetwork) {
  Values options = example("average").options;
  options["kernel"] = Integers{3, 3, 3};
  options["stride"] = Integers{0};
  options["input"] = Integers{28, 28};
  try {
    instantiate(cnn(), options);
    FAIL() << "accepted three kernels for two convolutions";
  } catch (const Error& error) {
    const std::string text = error.what();
    for (const char* part : {"kernel: expected one entry for all convolutions or 2, received [3, 3, 3]",
                             "stride: expected at least 1, received [0]",
                             "input: expected [channels, height, width], each at least 1, received [28, 28]"}) {
      EXPECT_NE(text.find(part), std::string::npos) << text;
    }
  }
  options = example("group_norm").options;
  options["groups"] = Integers{1, 3};
  options["norm_groups"] = int64_t{5};
  try {
    instantiate(cnn(), options);
    FAIL() << "accepted three groups of four channels";
  } catch (const Error& error) {
    const std::string text = error.what();
    EXPECT_NE(text.find("convs.1: 3 groups must divide its 4 inputs and 6 outputs"), std::string::npos) << text;
    EXPECT_NE(text.find("norms.0: norm_groups = 5 must divide its 4 channels"), std::string::npos) << text;
  }
  options = example("average").options;
  options["kernel"] = Integers{9};
  options["padding"] = std::string("valid");
  EXPECT_THROW(instantiate(cnn(), options), Error);
}

}  // namespace
}  // namespace nfopt
