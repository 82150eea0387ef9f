// Zoos of small perceptrons: draws, training, files.

#include <gtest/gtest.h>
#include <nfopt/runtime/plugin/registry.h>
#include <nfopt/runtime/zoo/train_zoo.h>
#include <nfopt/runtime/zoo/zoo.h>
#include <nfopt/runtime/zoo/zoo_plan.h>
#include <torch/types.h>

#include <cmath>
#include <set>

#include "tests/errors.h"
#include "tests/runtime/io/temporary_folder.h"
#include "tests/runtime/tasks/idx_writer.h"
#include "tests/runtime/zoo/small_zoo.h"

namespace nfopt {
namespace {

namespace fs = std::filesystem;
using testing::expect_error;
using testing::small_zoo;
using testing::TemporaryFolder;
using testing::text_of;

class TrainZoo : public ::testing::Test {
 protected:
  void SetUp() override {
    testing::write_tiny_data(folder_ / "data", 330, 100, 12);
    Registry::global().find(NFOPT_TEST_MLP);
    config_ = small_zoo(folder_ / "data");
  }
  ZooResult train(const ZooConfig& config, const std::string& out,
                  RunFolder::Mode mode = RunFolder::Mode::fresh) const {
    return train_zoo(config, folder_ / out, mode);
  }
  Zoo zoo(const std::string& out) const { return read_zoo(folder_ / out); }
  static void expect_equal(const Zoo& a, const Zoo& b, double tolerance) {
    ASSERT_EQ(a.size(), b.size());
    for (size_t i = 0; i < a.weights.size(); ++i)
      EXPECT_LE((a.weights[i] - b.weights[i]).abs().max().item<double>(), tolerance) << a.space->tensors()[i].name;
  }

  TemporaryFolder folder_;
  ZooConfig config_;
};

std::string drawn(const ZooConfig& config) {
  std::vector<ZooNetwork> all;
  for (const ZooChunk& chunk : plan_zoo(config)) all.insert(all.end(), chunk.networks.begin(), chunk.networks.end());
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.index < b.index; });
  return zoo_networks_to_json(all);
}

TEST_F(TrainZoo, DrawsDependOnSeedAndIndexAlone) {
  ZooConfig other = config_;
  other.networks_per_chunk = 1;
  other.threads = 7;
  EXPECT_EQ(drawn(config_), drawn(other));

  other.networks = 40;  // more networks: the first ones stay
  const std::string fewer = drawn(config_), more = drawn(other);
  EXPECT_EQ(more.substr(0, fewer.size() - 1), fewer.substr(0, fewer.size() - 1));
  ZooConfig fixed = config_;  // another range: the other draws stay
  fixed.draw.data_share = {1, 1};
  const auto rates_of = [](const ZooConfig& config) {
    std::set<double> rates;
    for (const ZooChunk& chunk : plan_zoo(config))
      for (const ZooNetwork& network : chunk.networks) rates.insert(network.hyper_parameters.learning_rate);
    return rates;
  };
  EXPECT_EQ(rates_of(fixed), rates_of(config_));
  EXPECT_GT(rates_of(config_).size(), 5u);
  fixed.seed = 1;
  EXPECT_NE(rates_of(fixed), rates_of(config_));
}

TEST_F(TrainZoo, DrawsStayWithinTheirRanges) {
  config_.networks = 300;
  std::set<std::string> optimizers, activations;
  std::set<int64_t> batch_sizes;
  for (const ZooChunk& chunk : plan_zoo(config_)) {
    EXPECT_LE(chunk.networks.size(), 4u);
    for (const ZooNetwork& network : chunk.networks) {
      const HyperParameters& h = network.hyper_parameters;
      optimizers.insert(h.optimizer);
      activations.insert(to_string(h.options.at("activation")));
      batch_sizes.insert(h.batch_size);
      const auto within = [](double low, double value, double high) { return low <= value && value <= high; };
      EXPECT_TRUE(within(10, static_cast<double>(h.steps), 60));
      EXPECT_TRUE(within(0.5, h.initial_scale, 2));
      EXPECT_TRUE(within(1e-5, h.weight_decay, 0.01));
      EXPECT_TRUE(within(0.3, h.data_share, 1));
      EXPECT_TRUE(within(0, h.label_noise, 0.5));
      EXPECT_TRUE(h.optimizer == "adam" ? within(0.01, h.learning_rate, 0.1) : h.learning_rate == 0.05);
      EXPECT_EQ(chunk.shared().optimizer, h.optimizer);
      EXPECT_EQ(chunk.shared().batch_size, h.batch_size);
      EXPECT_EQ(chunk.shared().options, h.options);
      EXPECT_LE(h.steps, chunk.steps());
    }
  }
  EXPECT_EQ(optimizers.size() + activations.size() + batch_sizes.size(), 6u) << "every choice occurs";
}

TEST_F(TrainZoo, LeavesACompleteZooOfNetworksThatLearned) {
  const ZooResult result = train(config_, "zoo");
  EXPECT_TRUE(result.finished);
  EXPECT_EQ(result.trained, 21);
  const Zoo read = zoo("zoo");
  ASSERT_EQ(read.size(), 21);
  EXPECT_EQ(read.space->tensors()[0].name, "layers.0.weight");
  EXPECT_EQ(read.weights[0].sizes(), (std::vector<int64_t>{21, 6, 16}));
  double best = 0;
  for (int64_t n = 0; n < read.size(); ++n) {
    EXPECT_EQ(read.networks[n].index, n);
    best = std::max(best, read.networks[n].test_accuracy);
  }
  EXPECT_GT(best, 0.5) << "a tenth is chance";
  EXPECT_EQ(zoo_networks_to_json(read.networks), zoo_networks_to_json(result.networks));
  for (const std::string name : {"config.yaml", "networks.json", "networks.csv", "accuracy.svg", "summary.json"})
    EXPECT_FALSE(text_of(folder_ / "zoo" / name).empty()) << name;
  const std::string csv = text_of(folder_ / "zoo" / "networks.csv");
  EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 22);
  EXPECT_TRUE(csv.starts_with("index,optimizer,learning_rate,")) << csv.substr(0, 80);
  EXPECT_NE(csv.find(",activation,train_loss,"), std::string::npos);
  EXPECT_FALSE(fs::exists(folder_ / "zoo" / "checkpoints"));
}

TEST_F(TrainZoo, NeitherThreadsNorInterruptionsChangeABit) {
  train(config_, "whole");
  ZooConfig one = config_;
  one.threads = 1;
  train(one, "one");
  expect_equal(zoo("whole"), zoo("one"), 0);
  EXPECT_EQ(text_of(folder_ / "whole" / "networks.json"), text_of(folder_ / "one" / "networks.json"));

  // A shard that was lost and one that was damaged are trained again, the others are kept.
  const fs::path shards = folder_ / "one" / "shards";
  fs::remove(shards / "chunk-000001.safetensors");
  testing::write_text(shards / "chunk-000002.safetensors", "no tensors");
  std::string notices;
  ZooCallbacks callbacks;
  callbacks.on_notice = [&](const std::string& text) { notices += text; };
  const ZooResult resumed = train_zoo(config_, folder_ / "one", RunFolder::Mode::resume, callbacks);
  EXPECT_TRUE(resumed.finished);
  EXPECT_LE(resumed.trained, 8);
  EXPECT_GT(resumed.trained, 1);
  EXPECT_NE(notices.find("chunk-000002"), std::string::npos) << notices;
  expect_equal(zoo("whole"), zoo("one"), 0);
  EXPECT_EQ(text_of(folder_ / "whole" / "networks.csv"), text_of(folder_ / "one" / "networks.csv"));
}

TEST_F(TrainZoo, AMemberIsTrainedAsIfItWereAlone) {
  config_.dtype = "float64";
  train(config_, "chunks");
  config_.networks_per_chunk = 1;
  train(config_, "alone");
  expect_equal(zoo("chunks"), zoo("alone"), 1e-10);  // sums may be ordered otherwise
}

TEST_F(TrainZoo, ADivergedNetworkEndsAloneWithFiniteWeights) {
  config_.networks = 80;
  config_.draw.optimizers = {{"sgd", {0.01, 1e30}}};
  config_.draw.options = {};
  config_.architecture_options["activation"] = std::string("identity");  // grows without a bound
  train(config_, "wild");
  config_.networks_per_chunk = 1;
  train(config_, "alone");
  const Zoo wild = zoo("wild"), alone = zoo("alone");
  for (const at::Tensor& tensor : wild.weights) EXPECT_TRUE(at::isfinite(tensor).all().item<bool>());
  std::vector<int64_t> tame;
  int64_t diverged = 0;
  for (int64_t n = 0; n < wild.size(); ++n) {
    const ZooNetwork& network = wild.networks[n];
    if (network.hyper_parameters.learning_rate > 1e25) {
      EXPECT_GE(network.diverged_at, 0) << n;
    }
    if (network.diverged_at >= 0) ++diverged;
    if (network.hyper_parameters.learning_rate < 0.2) tame.push_back(n);
  }
  EXPECT_GT(diverged, 40);
  ASSERT_GT(tame.size(), 1u);
  for (const int64_t n : tame) EXPECT_EQ(wild.networks[n].diverged_at, -1) << n;
  expect_equal(wild.select(tame), alone.select(tame), 1e-4);
}

TEST_F(TrainZoo, RefusesWhatCannotBeOneZoo) {
  config_.draw.options = {{"bias", {true, false}}};
  expect_error([&] { train(config_, "bias"); }, {"draw.options change the parameters of 'mlp'", "layers.0.bias"});
  EXPECT_FALSE(fs::exists(folder_ / "bias")) << "nothing is written";
  config_.draw.options = {{"activatoin", {std::string("relu")}}};
  expect_error([&] { train(config_, "miss"); }, {"activatoin", "activation"});
}

TEST_F(TrainZoo, AFolderIsContinuedOnlyByItsOwnConfig) {
  train(config_, "zoo");
  expect_error([&] { train(config_, "zoo"); }, {"is not empty", "--resume"});
  ZooConfig other = config_;
  other.draw.steps = {10, 61};
  expect_error([&] { train(other, "zoo", RunFolder::Mode::resume); }, {"another config", "draw.steps"});
  other = config_;
  other.threads = 1;
  EXPECT_EQ(train(other, "zoo", RunFolder::Mode::resume).trained, 0);
}

TEST_F(TrainZoo, ReadingSaysWhatIsNoZoo) {
  expect_error([&] { zoo("nothing"); }, {"holds no zoo", "nfopt zoo"});
  train(config_, "zoo");
  fs::copy_file(folder_ / "zoo" / "networks.csv", folder_ / "zoo" / "shards" / "other.safetensors");
  expect_error([&] { zoo("zoo"); }, {"other.safetensors"});
}

}  // namespace
}  // namespace nfopt
