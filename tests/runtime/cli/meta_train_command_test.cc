// nfopt meta-train on a tiny data set: what a user, a crash or a lost rank can do to a run.

#include <gtest/gtest.h>

#include <chrono>
#include <cstring>
#include <map>

#include "tests/runtime/cli/command.h"
#include "tests/runtime/meta/free_port.h"
#include "tests/runtime/tasks/idx_writer.h"

namespace nfopt {
namespace {

namespace fs = std::filesystem;
using testing::Command;
using testing::Outcome;
using testing::TemporaryFolder;
using testing::text_of;
using testing::write_text;
using testing::write_tiny_data;

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

// The tensors of a safetensors file, without the metadata.
std::string data_of(const fs::path& file) {
  const std::string bytes = text_of(file);
  uint64_t header = 0;
  if (bytes.size() < sizeof header) return {};
  std::memcpy(&header, bytes.data(), sizeof header);
  return bytes.substr(std::min(bytes.size(), sizeof header + header));
}

class MetaTrainCommand : public ::testing::Test {
 protected:
  static constexpr int kSteps = 40;

  void SetUp() override {
    write_tiny_data(folder_ / "data", 330, 100, 12);
    const std::string data = "{name: fashion_mnist, folder: " + (folder_ / "data").string() + ", image_size: 4}";
    write_text(config_, R"(name: tiny
rule: per_parameter_mlp
threads: 2
families:
  narrow:
    particles: 3
    particles_per_chunk: 2
    data: )" + data + R"(
    architecture: {name: mlp, hidden: [8]}
    batch_size: 16
    horizon: 12
  mixed:
    particles: 2
    data: )" + data + R"(
    architecture: {name: mlp}
    draw: {hidden: {from: 4, to: 8, count: [1, 2]}, activation: [relu, tanh]}
    batch_size: [8, 16]
    horizon: [6, 16]
    label_noise: {share: 0.5, up_to: 0.3}
estimator: {name: pes, window: 4, sigma: 0.01}
outer: {steps: 40, lr: 0.003, warmup_steps: 1}
evaluation: {every: 20, tasks: 3, steps: 10}
log: {every: 3}
checkpoint: {every: 5}
)");
  }

  std::vector<std::string> arguments(const std::string& out, const std::vector<std::string>& more = {}) const {
    std::vector<std::string> all = {"meta-train", config_.string(), "--out", (folder_ / out).string()};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
  Outcome run(const std::string& out, const std::vector<std::string>& more = {}) const {
    return Command(arguments(out, more)).run();
  }
  fs::path checkpoint(const std::string& out, int step) const {
    char name[64];
    std::snprintf(name, sizeof name, "step-%09d.safetensors", step);
    return folder_ / out / "checkpoints" / name;
  }
  // theta, outer state, every trajectory, accumulators, counters, evaluations; and the metrics.
  void expect_same_run(const std::string& a, const std::string& b) const {
    for (const int step : {kSteps - 5, kSteps}) {
      EXPECT_FALSE(data_of(checkpoint(a, step)).empty());
      EXPECT_TRUE(data_of(checkpoint(a, step)) == data_of(checkpoint(b, step))) << b << ", outer step " << step;
    }
    for (const std::string theta : {"theta-last.safetensors", "theta-best.safetensors"})
      EXPECT_TRUE(data_of(folder_ / a / theta) == data_of(folder_ / b / theta)) << b << ", " << theta;
    for (const std::string name : {"metrics.jsonl", "metrics.csv", "meta_loss.svg", "evaluation.svg"})
      EXPECT_EQ(text_of(folder_ / a / name), text_of(folder_ / b / name)) << b << ", " << name;
  }
  void expect_refused(const Outcome& outcome, const std::string& part) const {
    EXPECT_EQ(outcome.status, 2) << outcome.err;
    EXPECT_TRUE(contains(outcome.err, part)) << "expected '" << part << "' in:\n" << outcome.err;
  }

  // A group of two on this machine.
  struct Pair {
    Pair(const std::vector<std::string>& of_zero, const std::vector<std::string>& of_one) : zero(of_zero), one(of_one) {
      const std::string port = std::to_string(testing::free_port());
      int rank = 0;
      for (Command* command : {&zero, &one})
        command->environment("RANK", std::to_string(rank++))
            .environment("WORLD_SIZE", "2")
            .environment("MASTER_ADDR", "127.0.0.1")
            .environment("MASTER_PORT", port);
    }
    Command zero, one;
    Outcome first, second;
  };
  Pair two_ranks(const std::string& out, const std::vector<std::string>& more = {}) const {
    return {arguments(out, more), arguments(out, more)};
  }
  static void run(Pair& pair) {
    pair.zero.start();
    pair.one.start();
    pair.first = pair.zero.wait();
    pair.second = pair.one.wait();
  }

  TemporaryFolder folder_;
  fs::path config_ = folder_ / "tiny.yaml";
};

TEST_F(MetaTrainCommand, LeavesACompleteRunFolderWithAnOptimizerThatTrains) {
  const Outcome outcome = run("run");
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  for (const std::string name :
       {"config.yaml", "metrics.jsonl", "metrics.csv", "meta_loss.svg", "evaluation.svg", "inner_curves.svg",
        "summary.json", "pieces.json", "theta-best.safetensors", "theta-last.safetensors"})
    EXPECT_FALSE(text_of(folder_ / "run" / name).empty()) << name;
  EXPECT_TRUE(contains(outcome.out, "held-out, best")) << outcome.out;
  EXPECT_TRUE(fs::exists(checkpoint("run", kSteps)));
  EXPECT_FALSE(fs::exists(checkpoint("run", kSteps - 10))) << "checkpoints rotate";
  for (const std::string part : {"\"evaluation_mean\": ", "\"evaluation_mean.mixed\": ", "\"meta_loss\": "})
    EXPECT_TRUE(contains(text_of(folder_ / "run" / "metrics.jsonl"), part)) << part;

  write_text(folder_ / "train.yaml", R"(name: tiny
architecture: {name: mlp, input_size: 16, hidden: [8], output_size: 10}
data: {name: fashion_mnist, folder: )" + (folder_ / "data").string() +
                                         R"(, image_size: 4}
batch_size: 32
steps: 20
optimizer: )" + (folder_ / "run" / "theta-best.safetensors").string() +
                                         "\n");
  const Outcome trained =
      Command({"train", (folder_ / "train.yaml").string(), "--out", (folder_ / "trained").string()}).run();
  EXPECT_EQ(trained.status, 0) << trained.err;
  const Outcome inspected =
      Command({"checkpoint", "inspect", (folder_ / "run" / "theta-last.safetensors").string()}).run();
  for (const std::string part : {"\"outer_step\":40", "\"pieces\":[", "estimator:", "\"selected\":\"last\""})
    EXPECT_TRUE(contains(inspected.out, part)) << part << "\n" << inspected.out;
}

TEST_F(MetaTrainCommand, ARunThatWasKilledAndResumedEqualsOneThatWasNot) {
  ASSERT_EQ(run("whole").status, 0);
  for (const int step : {5, 20}) {  // twice, the second time while resuming
    const auto more = step > 5 ? std::vector<std::string>{"--resume"} : std::vector<std::string>{};
    const Outcome outcome =
        Command(arguments("killed", more)).run_until([&] { return fs::exists(checkpoint("killed", step)); }, SIGKILL);
    EXPECT_EQ(outcome.signal, SIGKILL) << "the run ended before it could be killed: " << outcome.err;
  }
  const Outcome resumed = run("killed", {"--resume"});
  ASSERT_EQ(resumed.status, 0) << resumed.err;
  expect_same_run("whole", "killed");
  EXPECT_EQ(text_of(checkpoint("whole", kSteps)), text_of(checkpoint("killed", kSteps))) << "metadata included";
}

TEST_F(MetaTrainCommand, NeitherThreadsNorPiecesChangeABit) {
  ASSERT_EQ(run("whole").status, 0);
  ASSERT_EQ(run("thread", {"--set", "threads=1"}).status, 0);
  expect_same_run("whole", "thread");

  const Outcome piece = run("pieces", {"--set", "meta.max_steps=13"});
  ASSERT_EQ(piece.status, 0) << piece.err;
  EXPECT_TRUE(contains(piece.err, "Stopped after outer step 13 of 40")) << piece.err;
  EXPECT_TRUE(contains(text_of(folder_ / "pieces" / "summary.json"), "\"finished\": false"));
  const Outcome timed = run("pieces", {"--resume", "--set", "meta.max_seconds=0.000001"});
  ASSERT_EQ(timed.status, 0) << timed.err;
  EXPECT_TRUE(contains(timed.err, "Stopped after outer step 14 of 40")) << timed.err;
  ASSERT_EQ(run("pieces", {"--resume"}).status, 0);
  expect_same_run("whole", "pieces");
  EXPECT_TRUE(contains(text_of(folder_ / "pieces" / "pieces.json"), "\"first_step\": 14"));
}

TEST_F(MetaTrainCommand, SignalsSaveAndSayHowToResume) {
  ASSERT_EQ(run("whole").status, 0);
  for (const auto& [signal, status] : std::map<int, int>{{SIGINT, 130}, {SIGTERM, 143}}) {
    const std::string out = "signal" + std::to_string(signal);
    const Outcome stopped = Command(arguments(out)).run_until([&] { return fs::exists(checkpoint(out, 10)); }, signal);
    EXPECT_EQ(stopped.status, status) << stopped.err;
    EXPECT_TRUE(contains(stopped.err, "--resume")) << stopped.err;
    const Outcome resumed =
        Command({"meta-train", (folder_ / out / "config.yaml").string(), "--out", (folder_ / out).string(), "--resume"})
            .run();  // the command it printed
    ASSERT_EQ(resumed.status, 0) << resumed.err;
    expect_same_run("whole", out);
  }
}

TEST_F(MetaTrainCommand, TwoRanksEqualOneBitForBit) {
  ASSERT_EQ(run("one").status, 0);
  Pair pair = two_ranks("two");
  run(pair);
  ASSERT_EQ(pair.first.status, 0) << pair.first.err;
  ASSERT_EQ(pair.second.status, 0) << pair.second.err;
  expect_same_run("one", "two");
  EXPECT_EQ(pair.second.out, "") << "rank 0 speaks for all";
  EXPECT_TRUE(contains(text_of(folder_ / "two" / "summary.json"), "\"ranks\": 2"));
}

TEST_F(MetaTrainCommand, AKilledRankEndsTheRunInTimeAndLeavesACheckpointForAnyNumberOfRanks) {
  ASSERT_EQ(run("whole").status, 0);
  Pair pair = two_ranks("lost", {"--set", "ranks.timeout=1.5"});
  pair.zero.start();
  const Outcome killed = pair.one.run_until([&] { return fs::exists(checkpoint("lost", 15)); }, SIGKILL);
  EXPECT_EQ(killed.signal, SIGKILL) << "the run ended before it could be killed: " << killed.err;
  const auto begin = std::chrono::steady_clock::now();
  const Outcome left = pair.zero.wait();
  EXPECT_LE(std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count(), 4.0);
  expect_refused(left, "rank 1 of 2 gives no sign of life since 1.5 s");
  EXPECT_TRUE(contains(left.err, "The last checkpoint is outer step ")) << left.err;
  EXPECT_TRUE(contains(left.err, "--resume")) << left.err;
  EXPECT_FALSE(fs::exists(checkpoint("lost", kSteps)));

  const Outcome resumed = run("lost", {"--resume"});
  ASSERT_EQ(resumed.status, 0) << resumed.err;
  expect_same_run("whole", "lost");
}

TEST_F(MetaTrainCommand, ASignalToOneRankStopsAllAfterTheSameStep) {
  ASSERT_EQ(run("whole").status, 0);
  Pair pair = two_ranks("stopped");
  pair.zero.start();
  pair.second = pair.one.run_until([&] { return fs::exists(checkpoint("stopped", 10)); }, SIGTERM);
  pair.first = pair.zero.wait();
  EXPECT_EQ(pair.first.status, 143) << pair.first.err;
  EXPECT_EQ(pair.second.status, 143) << pair.second.err;
  Pair again = two_ranks("stopped", {"--resume"});
  run(again);
  ASSERT_EQ(again.first.status, 0) << again.first.err;
  expect_same_run("whole", "stopped");
}

TEST_F(MetaTrainCommand, RanksWithDifferentWorkAreRefused) {
  Pair pair(arguments("different", {"--set", "estimator.sigma=0.02"}),
            arguments("different", {"--set", "estimator.sigma=0.03"}));
  run(pair);
  for (const Outcome& outcome : {pair.first, pair.second}) {
    expect_refused(outcome, "the ranks do not do the same");
    EXPECT_TRUE(contains(outcome.err, "estimator.sigma (0.02, now 0.03)")) << outcome.err;
  }
  EXPECT_FALSE(fs::exists(folder_ / "different"));
}

TEST_F(MetaTrainCommand, AnErrorOfRankZeroReachesTheOthers) {
  ASSERT_EQ(run("run", {"--set", "outer.steps=5"}).status, 0);
  Pair pair = two_ranks("run", {"--set", "outer.steps=5"});
  run(pair);
  expect_refused(pair.first, "is not empty: it holds a run");
  expect_refused(pair.second, "rank 0 of 2 has left: [run] ");
}

TEST_F(MetaTrainCommand, StartsWhereTheConfigSays) {
  ASSERT_EQ(run("first", {"--set", "outer.steps=5"}).status, 0);
  const std::string file = (folder_ / "first" / "theta-last.safetensors").string();
  const Outcome second = run("second", {"--set", "theta=" + file, "--set", "outer.steps=2"});
  ASSERT_EQ(second.status, 0) << second.err;
  const Outcome rate = run("rate", {"--set", "init.step_mult={log: 1.0}", "--set", "outer.steps=2"});
  ASSERT_EQ(rate.status, 0) << rate.err;
  EXPECT_TRUE(contains(text_of(folder_ / "rate" / "config.yaml"), "step_mult: 0\n"));
  ASSERT_EQ(run("plain", {"--set", "outer.steps=2"}).status, 0);
  const auto first_row = [&](const std::string& out) {
    const std::string text = text_of(folder_ / out / "metrics.jsonl");
    return text.substr(0, text.find('\n'));
  };
  EXPECT_NE(first_row("rate"), first_row("plain"));
  EXPECT_NE(first_row("second"), first_row("plain"));

  expect_refused(run("x", {"--set", "theta=" + file, "--set", "rule=unf"}),
                 "holds meta-parameters of the rule 'per_parameter_mlp': expected 'unf'");
  expect_refused(run("x", {"--set", "init={step_mul: 1, beta: 0}"}), "Did you mean 'step_mult'?");
  expect_refused(run("x", {"--set", "theta=/nowhere.safetensors"}), "/nowhere.safetensors");
  EXPECT_FALSE(fs::exists(folder_ / "x"));
}

TEST_F(MetaTrainCommand, ResumingWithAnotherConfigListsWhatDiffers) {
  ASSERT_EQ(run("run", {"--set", "outer.steps=5"}).status, 0);
  const Outcome outcome = run("run", {"--resume", "--set", "outer.steps=5", "--set", "estimator.sigma=0.02"});
  expect_refused(outcome, "estimator.sigma (0.01, now 0.02)");
  expect_refused(run("run", {"--resume"}), "outer.cosine_steps (5, now 40)");  // the schedule would have been another
}

TEST_F(MetaTrainCommand, WrongInputIsOneClearMessageAndLeavesNothingBehind) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases = {
      {{"--set", "estimater=pes"}, "unknown key 'estimater'"},
      {{"--set", "estimator.name=pess"}, "no estimator 'pess'."},
      {{"--set", "estimator.name=pess"}, "Did you mean 'pes'?"},
      {{"--set", "estimator.sigma=0"}, "estimator.sigma: expected a number above 0, received '0'"},
      {{"--set", "estimator.window=0"}, "estimator.window: expected an integer at least 1"},
      {{"--set", "rule=unv"}, "Did you mean 'unf'?"},
      {{"--set", "families={}"}, "expected at least one task family"},
      {{"--set", "families.narrow.horizn=5"}, "unknown key 'families.narrow.horizn'"},
      {{"--set", "families.narrow.horizon=[9, 3]"}, "expected a number or [low, high]"},
      {{"--set", "families.narrow.draw.hidden=[[4], [8]]"}, "is fixed in 'architecture' already"},
      {{"--set", "families.narrow.data=[{name: fashion_mnist, size: 8}]"}, "unknown key 'families.narrow.data.size'"},
      {{"--set", "families.narrow.data.folder=/nowhere"}, "apt-get install dataset-fashion-mnist"},
      {{"--set", "families.narrow.architecture.name=mlpp"}, "mlp"},
      {{"--set", "families.narrow.batch_size=331"}, "331"},
      {{"--set", "outer.warmup_steps=40"}, "expected less than cosine_steps (40)"},
      {{"--device", "cuda"}, "meta-training runs on the CPU"},
      {{"--device", "tpu"}, "device: expected one of cpu, cuda, received 'tpu'"},
  };
  for (const auto& [more, part] : cases) {
    expect_refused(run("refused", more), part);
    EXPECT_FALSE(fs::exists(folder_ / "refused")) << part;
  }
  const Outcome three = run("refused", {"--set", "estimator={name: pess, sigma: -1}", "--set", "batch=3"});
  for (const std::string part : {"3 problems in", "'pess'", "received '-1'", "unknown key 'batch'"})
    expect_refused(three, part);

  Command alone(arguments("refused"));
  expect_refused(alone.environment("RANK", "0").environment("WORLD_SIZE", "2").run(), "MASTER_ADDR is not set");
  Command waiting(arguments("refused", {"--set", "ranks.meeting_timeout=0.3"}));
  waiting.environment("RANK", "0").environment("WORLD_SIZE", "2").environment("MASTER_ADDR", "127.0.0.1");
  expect_refused(waiting.environment("MASTER_PORT", std::to_string(testing::free_port())).run(),
                 "rank 1 did not come within 0.3 s");
  EXPECT_FALSE(fs::exists(folder_ / "refused"));
}

}  // namespace
}  // namespace nfopt
