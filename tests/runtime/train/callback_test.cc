// Callbacks as a user of the library writes them, on a run of a few milliseconds.

#include <gtest/gtest.h>
#include <nfopt/nflayers/spec/error.h>
#include <nfopt/runtime/train/train.h>
#include <torch/types.h>

#include <stdexcept>

#include "tests/runtime/io/temporary_folder.h"
#include "tests/runtime/tasks/idx_writer.h"

namespace nfopt {
namespace {

namespace fs = std::filesystem;
using testing::TemporaryFolder;
using testing::text_of;
using testing::write_tiny_data;

class CallbackTest : public ::testing::Test {
 protected:
  void SetUp() override { write_tiny_data(folder_ / "data", 330, 100, 12); }

  TrainConfig config(const std::vector<std::string>& overrides = {}) const {
    YamlValue document = parse_yaml(R"(name: tiny
architecture: {name: mlp, input_size: 16, hidden: [8], output_size: 10}
data: {name: fashion_mnist, folder: )" + (folder_ / "data").string() +
                                        R"(, image_size: 4}
batch_size: 32
steps: 60
optimizer: adam
log: {every: 7}
evaluation: {every: 20}
checkpoint: {every: 20}
)",
                                    "tiny.yaml");
    for (const std::string& assignment : overrides) apply_override(document, assignment);
    return read_train_config(document, "tiny.yaml");
  }
  TrainResult run(const std::string& name, const TrainConfig& config, RunFolder::Mode mode,
                  const Callbacks& callbacks = {}) const {
    return train(config, folder_ / name, mode, callbacks);
  }
  TrainResult fresh(const std::string& name, const TrainConfig& config, const Callbacks& callbacks = {}) const {
    return run(name, config, RunFolder::Mode::fresh, callbacks);
  }
  TrainResult resume(const std::string& name, const TrainConfig& config, const Callbacks& callbacks = {}) const {
    return run(name, config, RunFolder::Mode::resume, callbacks);
  }
  Checkpoint newest(const std::string& name) const {
    return *CheckpointFolder(folder_ / name / "checkpoints", 2).newest().checkpoint;
  }
  void expect_same_run(const std::string& a, const std::string& b) const {
    EXPECT_EQ(text_of(folder_ / a / "metrics.csv"), text_of(folder_ / b / "metrics.csv"));
    EXPECT_EQ(text_of(folder_ / a / "metrics.jsonl"), text_of(folder_ / b / "metrics.jsonl"));
    const CheckpointFolder first(folder_ / a / "checkpoints", 2), second(folder_ / b / "checkpoints", 2);
    ASSERT_FALSE(first.steps().empty());
    EXPECT_EQ(text_of(first.file(first.steps().back())), text_of(second.file(first.steps().back())));
  }

  TemporaryFolder folder_;
};

// Ends a run after a step, one way or another.
class EndAt final : public Callback {
 public:
  EndAt(int64_t step, std::function<Flow()> how) : step_(step), how_(std::move(how)) {}
  Flow on_begin(const Trainer& run) override {
    first_step = run.step();
    return Flow::kContinue;
  }
  Flow on_step(const Trainer& run) override {
    seen.push_back(run.step());
    return run.step() == step_ ? how_() : Flow::kContinue;
  }
  void on_end(const Trainer& run, TrainResult& result) override {
    ended = true;
    EXPECT_EQ(run.step(), result.step);
  }

  std::vector<int64_t> seen;
  int64_t first_step = -1;
  bool ended = false;

 private:
  int64_t step_;
  std::function<Flow()> how_;
};

std::shared_ptr<EndAt> end_at(int64_t step, Flow flow) {
  return std::make_shared<EndAt>(step, [flow] { return flow; });
}

TEST_F(CallbackTest, SeesEveryStepInOrder) {
  const auto watch = end_at(-1, Flow::kContinue);
  const TrainResult result = fresh("run", config(), {watch});
  EXPECT_TRUE(result.finished);
  ASSERT_EQ(watch->seen.size(), 60u);
  for (size_t i = 0; i < 60; ++i) EXPECT_EQ(watch->seen[i], static_cast<int64_t>(i) + 1);
  EXPECT_EQ(watch->first_step, 0);
  EXPECT_TRUE(watch->ended);
}

TEST_F(CallbackTest, StopSavesAndTheResumedRunEqualsAnUninterruptedOne) {
  fresh("whole", config());
  const auto first = end_at(23, Flow::kStop);
  const auto other = end_at(-1, Flow::kContinue);
  const TrainResult stopped = fresh("run", config(), {first, other});
  EXPECT_FALSE(stopped.finished);
  EXPECT_EQ(stopped.step, 23);
  EXPECT_EQ(other->seen.size(), 23u) << "callbacks after the one that stops see the step, too";
  EXPECT_EQ(newest("run").step, 23);
  EXPECT_FALSE(fs::exists(folder_ / "run" / "summary.json"));
  const auto second = end_at(-1, Flow::kContinue);
  EXPECT_TRUE(resume("run", config(), {second}).finished);
  EXPECT_EQ(second->first_step, 23);
  EXPECT_EQ(second->seen.front(), 24);
  expect_same_run("whole", "run");
}

TEST_F(CallbackTest, FinishEndsWithScoresAndReport) {
  const TrainResult result = fresh("run", config(), {end_at(23, Flow::kFinish), end_at(23, Flow::kStop)});
  EXPECT_TRUE(result.finished) << "finishing outweighs stopping";
  EXPECT_EQ(result.step, 23);
  EXPECT_TRUE(std::isfinite(result.test_loss));
  EXPECT_TRUE(fs::exists(folder_ / "run" / "summary.json"));
  EXPECT_TRUE(fs::exists(folder_ / "run" / "loss.svg"));
}

TEST_F(CallbackTest, AnExceptionReachesTheCallerAndLeavesTheLastCheckpointWhole) {
  fresh("whole", config());
  const auto throws = std::make_shared<EndAt>(47, []() -> Flow { throw std::runtime_error("mine"); });
  EXPECT_THROW(fresh("run", config(), {throws}), std::runtime_error);
  EXPECT_FALSE(throws->ended);
  EXPECT_EQ(newest("run").step, 40);
  EXPECT_TRUE(resume("run", config()).finished);
  expect_same_run("whole", "run");
}

TEST_F(CallbackTest, EarlyStopFinishesAtTheSameStepWithAndWithoutAnInterruption) {
  // No loss improves by 10: the first measurement stays the best, and patience is counted from there.
  const TrainConfig early =
      config({"steps=200", "evaluation.every=10", "early_stop={metric: test_loss, patience: 3, min_delta: 10}"});
  const TrainResult whole = fresh("whole", early);
  EXPECT_TRUE(whole.finished);
  EXPECT_EQ(whole.step, 30);
  EXPECT_FALSE(fresh("run", early, {end_at(17, Flow::kStop)}).finished);
  EXPECT_EQ(resume("run", early).step, 30);
  expect_same_run("whole", "run");
  const TrainResult again = resume("run", early);
  EXPECT_TRUE(again.finished);
  EXPECT_EQ(again.step, 30) << "a run that was finished early goes no further";
  const TrainResult accuracy = fresh(
      "accuracy",
      config({"steps=200", "evaluation.every=10", "early_stop={metric: test_accuracy, patience: 2, min_delta: 2}"}));
  EXPECT_EQ(accuracy.step, 20);
  EXPECT_EQ(fresh("patient", config({"early_stop={metric: train_loss, patience: 50}"})).step, 60);
}

TEST_F(CallbackTest, ASkippedStepRestoresBatchNormStatistics) {
  // Every update is infinite, so every step is left out: nothing of the network may have changed.
  const TrainConfig wild =
      config({"architecture={name: cnn, input: [1, 4, 4], channels: [4], norm: batch, "
              "output_size: 10}",
              "optimizer=sgd", "optimizer.lr=1e38", "optimizer.weight_decay=1e38", "steps=5", "on_non_finite=skip",
              "checkpoint.every=1", "checkpoint.keep=10"});
  fresh("run", wild);
  const Trainer untouched(wild);
  const Checkpoint after = newest("run");
  ASSERT_EQ(after.step, 5);
  size_t buffers = 0;
  const std::vector<Tensor>& described = untouched.task().space()->tensors();
  for (size_t i = 0; i < described.size(); ++i) {
    if (described[i].kind != Kind::parameter) ++buffers;
    EXPECT_TRUE(at::equal(after.tensors.at("network." + described[i].name), untouched.members().tensors()[i]))
        << described[i].name;
  }
  EXPECT_GT(buffers, 0u) << "the test needs batch normalisation";
}

TEST_F(CallbackTest, RowsAreTheSameInMemoryAndInTheFolder) {
  fresh("run", config());
  Trainer trainer(config());
  trainer.run({});
  const std::vector<MetricsRow> written = read_metrics(folder_ / "run" / "metrics.csv", metrics_columns());
  ASSERT_EQ(written.size(), trainer.rows().size());
  for (size_t i = 0; i < written.size(); ++i) {
    EXPECT_EQ(written[i].step, trainer.rows()[i].step);
    for (size_t column = 0; column < written[i].values.size(); ++column) {
      const double a = written[i].values[column], b = trainer.rows()[i].values[column];
      EXPECT_TRUE(a == b || (std::isnan(a) && std::isnan(b))) << a << " " << b;
    }
  }
}

}  // namespace
}  // namespace nfopt
