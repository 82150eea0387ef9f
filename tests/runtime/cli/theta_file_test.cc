// `nfopt train` with files of meta-parameters that are in order, but made for something else.

#include <gtest/gtest.h>
#include <nfopt/nflayers/spec/weight_space.h>
#include <nfopt/runtime/optimizers/make_update_rule.h>
#include <nfopt/runtime/optimizers/meta_parameters.h>
#include <nfopt/runtime/optimizers/rule_presets.h>

#include "tests/runtime/cli/tiny_task.h"

namespace nfopt {
namespace {

namespace fs = std::filesystem;
using testing::contains;
using testing::Outcome;

// A perceptron's weight space in the names and shapes of the plugin `mlp`.
WeightSpacePtr perceptron(const std::vector<int64_t>& sizes) {
  std::vector<TensorDescription> tensors;
  for (size_t layer = 0; layer + 1 < sizes.size(); ++layer) {
    const auto label = [&](size_t i) {
      const std::string name = i == 0 ? "~in" : i + 1 == sizes.size() ? "~out" : "h" + std::to_string(i);
      return name + "=" + std::to_string(sizes[i]);
    };
    TensorDescription weight, bias;
    weight.name = "layers." + std::to_string(layer) + ".weight";
    weight.axes = "[" + label(layer + 1) + ", " + label(layer) + "]";
    bias.name = "layers." + std::to_string(layer) + ".bias";
    bias.axes = "[" + label(layer + 1) + "]";
    bias.role = Role::bias;
    tensors.push_back(weight);
    tensors.push_back(bias);
  }
  return std::make_shared<const WeightSpace>(tensors);
}

class ThetaFile : public testing::TinyTask {
 protected:
  std::string theta(const std::string& rule, const WeightSpacePtr& space) const {
    const std::string path = (folder_ / (rule + std::to_string(space->tensors().size()) + ".safetensors")).string();
    MetaParameters meta;
    meta.rule = rule_preset(rule);
    meta.space = space;
    meta.theta = make_update_rule(meta.rule, space)->initial_theta(Rng(1));
    save_meta_parameters(path, meta);
    return path;
  }
  Outcome train_with(const std::string& rule, const std::string& theta) const {
    return run("run", {"--set", "optimizer=" + rule, "--set", "optimizer.theta=" + theta, "--set", "steps=5"});
  }
  void expect_refused_without_trace(const Outcome& outcome, const std::string& part) const {
    expect_refused(outcome, part);
    EXPECT_FALSE(fs::exists(folder_ / "run"));
  }
};

TEST_F(ThetaFile, OfTheRuleAndTheNetworkTrains) {
  const Outcome outcome = train_with("unf", theta("unf", perceptron({16, 8, 10})));
  EXPECT_EQ(outcome.status, 0) << outcome.err;
}

TEST_F(ThetaFile, OfAnotherRuleIsRefused) {
  const std::string path = theta("per_parameter_mlp", perceptron({16, 8, 10}));
  const Outcome outcome = train_with("unf", path);
  expect_refused_without_trace(outcome, path);
  EXPECT_TRUE(contains(outcome.err, "'per_parameter_mlp'") && contains(outcome.err, "expected 'unf'")) << outcome.err;
}

TEST_F(ThetaFile, OfAnotherWeightSpaceIsRefused) {
  const std::string path = theta("unf", perceptron({16, 8, 8, 10}));
  const Outcome outcome = train_with("unf", path);
  expect_refused_without_trace(outcome, path);
  EXPECT_FALSE(contains(outcome.err, "internal error")) << outcome.err;
}

TEST_F(ThetaFile, OfAPerParameterRuleFitsAnyNetwork) {
  const Outcome outcome = train_with("per_parameter_mlp", theta("per_parameter_mlp", perceptron({5, 3, 2, 2})));
  EXPECT_EQ(outcome.status, 0) << outcome.err;
}

TEST_F(ThetaFile, MeanOfTwoTrainsLikeAnyOther) {
  const std::vector<std::string> files = {theta("per_parameter_mlp", perceptron({16, 8, 10})),
                                          theta("per_parameter_mlp", perceptron({16, 8, 8, 10}))};
  const std::string mean = (folder_ / "mean.safetensors").string();
  const auto average = [&](const std::string& weights) {
    return testing::Command({"checkpoint", "average", files[0], files[1], "--weights", weights, "--out", mean}).run();
  };
  const Outcome refused = average("1,2,3");
  EXPECT_EQ(refused.status, 2);
  EXPECT_TRUE(contains(refused.err, "2 files, received 3 weights")) << refused.err;
  EXPECT_FALSE(fs::exists(mean));
  const Outcome averaged = average("1,2");
  EXPECT_EQ(averaged.status, 0) << averaged.err;
  EXPECT_TRUE(contains(averaged.out, "mean of 2 files")) << averaged.out;
  const Outcome outcome = train_with("per_parameter_mlp", mean);
  EXPECT_EQ(outcome.status, 0) << outcome.err;
}

}  // namespace
}  // namespace nfopt
