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

ArchitecturePtr resnet() { return Registry::global().find("resnet"); }

Example example(const std::string& name) { return testing::example_of(resnet(), name); }

Values imagenet(const char* block, Integers blocks) {
  return {{"input", Integers{3, 224, 224}},
          {"output_size", int64_t{1000}},
          {"block", std::string(block)},
          {"blocks", std::move(blocks)}};
}

std::string axes_of(const WeightSpacePtr& space, const std::string& tensor) {
  return space->descriptions()[space->index(tensor)].axes;
}

double error_with(const std::string& name, const std::vector<testing::Edit>& edits) {
  return testing::edited_error(resnet(), name, edits);
}

TEST(Resnet, EveryExampleConforms) {
  EXPECT_GE(resnet()->examples().size(), 10u);
  testing::expect_conformance_of_examples(resnet());
}

// Counts of torchvision 0.20: parameters, and entries of the state dict.
TEST(Resnet, HasTorchvisionsParameters) {
  struct Known {
    Values options;
    int64_t parameters;
    size_t tensors;
  };
  for (const Known& known :
       {Known{imagenet("basic", {2, 2, 2, 2}), 11689512, 122}, Known{imagenet("basic", {3, 4, 6, 3}), 21797672, 218},
        Known{imagenet("bottleneck", {3, 4, 6, 3}), 25557032, 320},
        Known{imagenet("bottleneck", {3, 4, 23, 3}), 44549160, 626}}) {
    const WeightSpacePtr space = instantiate(resnet(), known.options).space;
    EXPECT_EQ(space->parameter_count(), known.parameters);
    EXPECT_EQ(space->tensors().size(), known.tensors);
  }
}

TEST(Resnet, HasTorchvisionsNamesAndShapes) {
  const std::vector<std::pair<std::string, Integers>> eighteen = {
      {"conv1.weight", {64, 3, 7, 7}},
      {"bn1.num_batches_tracked", {}},
      {"layer1.1.conv2.weight", {64, 64, 3, 3}},
      {"layer2.0.conv1.weight", {128, 64, 3, 3}},
      {"layer2.0.downsample.0.weight", {128, 64, 1, 1}},
      {"layer2.0.downsample.1.running_var", {128}},
      {"layer4.1.bn2.bias", {512}},
      {"fc.weight", {1000, 512}},
  };
  WeightSpacePtr space = instantiate(resnet(), imagenet("basic", {2, 2, 2, 2})).space;
  for (const auto& [name, shape] : eighteen) EXPECT_EQ(space->tensors()[space->index(name)].shape, shape) << name;
  EXPECT_EQ(space->find("layer1.0.downsample.0.weight"), -1);
  EXPECT_EQ(axes_of(space, "layer2.0.conv1.weight"), "[i2_0=128, r0=64, *3, *3]");
  EXPECT_EQ(axes_of(space, "layer2.1.conv2.weight"), "[r2=128, i2_1=128, *3, *3]");
  EXPECT_EQ(axes_of(space, "layer2.0.downsample.0.weight"), "[r2=128, r0=64, *1, *1]");

  const std::vector<std::pair<std::string, Integers>> fifty = {
      {"layer1.0.conv1.weight", {64, 64, 1, 1}},
      {"layer1.0.downsample.0.weight", {256, 64, 1, 1}},
      {"layer2.0.conv2.weight", {128, 128, 3, 3}},
      {"layer4.2.conv3.weight", {2048, 512, 1, 1}},
      {"fc.weight", {1000, 2048}},
  };
  space = instantiate(resnet(), imagenet("bottleneck", {3, 4, 6, 3})).space;
  for (const auto& [name, shape] : fifty) EXPECT_EQ(space->tensors()[space->index(name)].shape, shape) << name;
}

// One convolution with its normalisation, by LibTorch alone.
at::Tensor layer(const Members& w, const at::Tensor& x, const std::string& conv, const std::string& norm,
                 int64_t stride, int64_t padding) {
  const Members n = w.scope(norm);
  return at::batch_norm(at::conv2d(x, w[conv + ".weight"][0], {}, stride, padding), n[".weight"][0], n[".bias"][0],
                        n[".running_mean"][0], n[".running_var"][0], false, 0.1, 1e-5, false);
}

TEST(Resnet, ComputesWhatTorchvisionComputes) {
  for (const bool bottleneck : {false, true}) {
    Values options = imagenet(bottleneck ? "bottleneck" : "basic", {1, 1});
    options["width"] = int64_t{3};
    const Instance instance = instantiate(resnet(), options);
    const auto network = make_network(instance);
    Members w = testing::random_members(instance.space, *network, 1, Rng(1));
    at::Tensor x = at::empty({1, 2, 3, 17, 18}, at::kDouble);
    fill_normal(x, Rng(2), 0, 1);
    at::Tensor h = at::max_pool2d(layer(w, x[0], "conv1", "bn1", 2, 3).relu(), 3, 2, 1);
    for (const std::string name : {"layer1.0.", "layer2.0."}) {
      const int64_t stride = name == "layer1.0." ? 1 : 2;
      const auto part = [&](const at::Tensor& in, const char* k, int64_t by, int64_t padding) {
        return layer(w, in, name + "conv" + k, name + "bn" + k, by, padding);
      };
      const at::Tensor inner = bottleneck ? part(part(part(h, "1", 1, 0).relu(), "2", stride, 1).relu(), "3", 1, 0)
                                          : part(part(h, "1", stride, 1).relu(), "2", 1, 1);
      if (instance.space->find(name + "downsample.0.weight") >= 0) {
        h = layer(w, h, name + "downsample.0", name + "downsample.1", stride, 0);
      }
      h = (h + inner).relu();
    }
    const at::Tensor expected = at::linear(h.mean({2, 3}), w["fc.weight"][0], w["fc.bias"][0]);
    EXPECT_LT((network->forward(w, x, Pass{})[0] - expected).abs().max().item<double>(), 1e-12);
  }
}

TEST(Resnet, AFreshLabelAfterAnAddIsNotASymmetry) {
  EXPECT_GT(error_with("two_stages_of_two",
                       {{"layer1.1.conv2.weight", "[r0=3", "[fresh=3"}, {"layer1.1.bn2", "[r0=3", "[fresh=3"}}),
            1e-3);
  EXPECT_GT(error_with("one_stage", {{"fc.weight", "r0=3", "fresh=3"}}), 1e-3);
  EXPECT_GT(error_with("two_stages", {{"layer2.0.downsample.0.weight", "[r2=6", "[fresh=6"}}), 1e-3);
  EXPECT_LT(error_with("one_stage", {}), 1e-10);
}

TEST(Resnet, AFlatLabelThroughGroupNormIsNotASymmetry) {
  EXPECT_GT(error_with("group_norm", {{"", "[gr0=2, r0@gr0=2]", "r0=4"}}), 1e-3);
}

TEST(Resnet, RunningStatisticsThatStayBehindAreFound) {
  EXPECT_GT(error_with("one_block", {{"layer1.0.bn1.running_mean", "[i1_0=3]", "[*3]"}}), 1e-3);
  EXPECT_GT(error_with("two_stages", {{"layer2.0.downsample.1.running_var", "[r2=6]", "[*6]"}}), 1e-3);
}

TEST(Resnet, RecognisesTorchvisionsModels) {
  for (const Values& options : {imagenet("basic", {3, 4, 6, 3}), imagenet("bottleneck", {3, 4, 6, 3})}) {
    NamedShapes shapes;
    const WeightSpacePtr space = instantiate(resnet(), options).space;
    for (const auto& tensor : space->tensors()) {
      shapes.emplace_back(tensor.name, tensor.shape);
    }
    const auto found = resnet()->recognize(shapes);
    ASSERT_TRUE(found.has_value());
    for (const auto& [name, value] : options) EXPECT_EQ(found->at(name), value) << name;
    EXPECT_EQ(found->at("norm"), OptionValue(std::string("batch")));
    shapes.emplace_back("layer1.0.conv9.weight", Integers{3});
    EXPECT_FALSE(resnet()->recognize(shapes).has_value());
  }
}

TEST(Resnet, NamesEveryOptionThatMakesNoNetwork) {
  Values options = example("group_norm").options;
  options["input"] = Integers{3, 0, 4};
  options["blocks"] = Integers{};
  options["norm_groups"] = int64_t{3};
  try {
    instantiate(resnet(), options);
    FAIL() << "accepted three groups of four channels";
  } catch (const Error& error) {
    const std::string text = error.what();
    for (const char* part : {"input: expected [channels, height, width], each at least 1, received [3, 0, 4]",
                             "blocks: expected 1 to 16 stages of at least one block, received []",
                             "norm_groups: expected a divisor of width = 4, received 3"}) {
      EXPECT_NE(text.find(part), std::string::npos) << text;
    }
  }
}

}  // namespace
}  // namespace nfopt
