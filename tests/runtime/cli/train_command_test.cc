// The real command on a tiny data set: what a user, a crash or a full disk can do to a run.

#include <gtest/gtest.h>

#include <map>

#include "tests/runtime/cli/tiny_task.h"

namespace nfopt {
namespace {

namespace fs = std::filesystem;
using testing::Command;
using testing::contains;
using testing::count;
using testing::Outcome;
using testing::text_of;
using testing::write_text;

class TrainCommand : public testing::TinyTask {};

TEST_F(TrainCommand, LearnsAndLeavesACompleteRunFolder) {
  const Outcome outcome = run("run");
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  for (const std::string name :
       {"config.yaml", "metrics.jsonl", "metrics.csv", "loss.svg", "accuracy.svg", "summary.json"})
    EXPECT_FALSE(text_of(folder_ / "run" / name).empty()) << name;
  EXPECT_EQ(count(text_of(folder_ / "run" / "metrics.jsonl"), "test_accuracy"), 7u);  // 0, 50, .. 300
  EXPECT_TRUE(fs::exists(checkpoint("run", 280)));
  EXPECT_TRUE(fs::exists(checkpoint("run", 300)));
  EXPECT_FALSE(fs::exists(checkpoint("run", 260))) << "checkpoints rotate";
  size_t events = 0;
  for (const auto& entry : fs::directory_iterator(folder_ / "run"))
    events += contains(entry.path().filename().string(), "events.out.tfevents.") ? 1 : 0;
  EXPECT_EQ(events, 1u);
  const std::string summary = text_of(folder_ / "run" / "summary.json");
  const size_t at = summary.find("\"test_accuracy\": ");
  ASSERT_NE(at, std::string::npos);
  EXPECT_GT(std::stod(summary.substr(at + 17)), 0.5) << "chance is 0.1";
  EXPECT_TRUE(contains(outcome.out, "test accuracy")) << outcome.out;
}

TEST_F(TrainCommand, TheResolvedConfigRepeatsTheRun) {
  ASSERT_EQ(run("first", {"--set", "optimizer=gentle", "--seed", "5", "--set", "batch_size=16"}).status, 0);
  const Outcome again =
      Command({"train", (folder_ / "first" / "config.yaml").string(), "--out", (folder_ / "second").string()}).run();
  ASSERT_EQ(again.status, 0) << again.err;
  expect_same_run("first", "second");
  ASSERT_EQ(run("other", {"--seed", "6", "--set", "optimizer=gentle", "--set", "batch_size=16"}).status, 0);
  EXPECT_NE(text_of(checkpoint("first", 300)), text_of(checkpoint("other", 300)));
}

TEST_F(TrainCommand, ARunThatWasKilledAndResumedEqualsOneThatWasNot) {
  for (const std::string optimizer : {"sgdm", "adam", "unf"}) {
    const std::vector<std::string> set = {"--set", "optimizer=" + optimizer};
    ASSERT_EQ(run(optimizer, set).status, 0);
    const std::string killed = optimizer + "-killed";
    for (const int step : {60, 160}) {  // twice, the second time while resuming
      std::vector<std::string> arguments = set;
      if (step > 60) arguments.push_back("--resume");
      const Outcome outcome =
          Command(train(killed, arguments)).run_until([&] { return has_saved(killed, step); }, SIGKILL);
      EXPECT_EQ(outcome.signal, SIGKILL) << "the run ended before it could be killed: " << outcome.err;
      EXPECT_FALSE(fs::exists(checkpoint(killed, 300)));
    }
    std::vector<std::string> arguments = set;
    arguments.push_back("--resume");
    const Outcome resumed = run(killed, arguments);
    ASSERT_EQ(resumed.status, 0) << resumed.err;
    expect_same_run(optimizer, killed);
    for (const auto& entry : fs::recursive_directory_iterator(folder_ / killed))
      EXPECT_FALSE(contains(entry.path().filename().string(), ".tmp-")) << entry.path();
  }
}

TEST_F(TrainCommand, SignalsFinishTheStepSaveAndSayHowToResume) {
  ASSERT_EQ(run("whole").status, 0);
  for (const auto& [signal, status] : std::map<int, int>{{SIGINT, 130}, {SIGTERM, 143}}) {
    const std::string out = "signal" + std::to_string(signal);
    const Outcome stopped = Command(train(out)).run_until([&] { return has_saved(out, 40); }, signal);
    EXPECT_EQ(stopped.status, status) << stopped.err;
    EXPECT_TRUE(contains(stopped.err, "--resume")) << stopped.err;
    const Outcome resumed =
        Command({"train", (folder_ / out / "config.yaml").string(), "--out", (folder_ / out).string(), "--resume"})
            .run();  // the command it printed
    ASSERT_EQ(resumed.status, 0) << resumed.err;
    expect_same_run("whole", out);
  }
}

TEST_F(TrainCommand, ResumingAFinishedRunChangesNothing) {
  ASSERT_EQ(run("run").status, 0);
  const std::string before = text_of(folder_ / "run" / "metrics.csv");
  ASSERT_EQ(run("run", {"--resume"}).status, 0);
  EXPECT_EQ(text_of(folder_ / "run" / "metrics.csv"), before);
}

TEST_F(TrainCommand, MoreStepsContinueAFinishedRun) {
  ASSERT_EQ(run("whole").status, 0);
  ASSERT_EQ(run("run", {"--set", "steps=100"}).status, 0);
  ASSERT_EQ(run("run", {"--resume"}).status, 0);
  EXPECT_EQ(text_of(checkpoint("run", 300)), text_of(checkpoint("whole", 300)));
}

TEST_F(TrainCommand, DamagedCheckpointsFallBackToTheOneBefore) {
  ASSERT_EQ(run("whole").status, 0);
  ASSERT_EQ(run("run").status, 0);
  const std::string newest = text_of(checkpoint("run", 300));
  write_text(checkpoint("run", 300), newest.substr(0, newest.size() / 2));
  const Outcome resumed = run("run", {"--resume"});
  ASSERT_EQ(resumed.status, 0) << resumed.err;
  EXPECT_TRUE(contains(resumed.err, "step-000000300.safetensors")) << "no notice: " << resumed.err;
  expect_same_run("whole", "run");

  write_text(checkpoint("run", 300), "not a checkpoint");
  write_text(checkpoint("run", 280), "");
  expect_refused(run("run", {"--resume"}), "no checkpoint in");
}

TEST_F(TrainCommand, ResumingWithAnotherConfigListsWhatDiffers) {
  ASSERT_EQ(run("run", {"--set", "steps=20"}).status, 0);
  const Outcome outcome =
      run("run", {"--resume", "--set", "steps=20", "--set", "optimizer.lr=0.5", "--set", "batch_size=16"});
  expect_refused(outcome, "optimizer.lr (0.1, now 0.5)");
  EXPECT_TRUE(contains(outcome.err, "batch_size (32, now 16)")) << outcome.err;
  expect_refused(run("run", {"--resume", "--set", "steps=10"}), "steps (20, now 10)");
}

TEST_F(TrainCommand, NeverOverwritesAFolderThatHoldsSomething) {
  ASSERT_EQ(run("run", {"--set", "steps=20"}).status, 0);
  const std::string before = text_of(folder_ / "run" / "metrics.csv");
  expect_refused(run("run"), "is not empty: it holds a run");
  EXPECT_EQ(text_of(folder_ / "run" / "metrics.csv"), before);
  expect_refused(run("data", {"--resume"}), "holds something, but no run");
  expect_refused(run("data"), "is not empty");
}

TEST_F(TrainCommand, WrongInputIsOneClearMessageAndLeavesNothingBehind) {
  write_text(folder_ / "corrupt.safetensors", std::string(100, 'x'));
  const std::string corrupt = (folder_ / "corrupt.safetensors").string();
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases = {
      {{"--set", "batch_siz=3"}, "unknown key 'batch_siz'"},
      {{"--set", "batch_siz=3"}, "Did you mean 'batch_size'?"},
      {{"--set", "steps=many"}, "--set steps: steps: expected an integer at least 1, received 'many'"},
      {{"--set", "optimizer=adm"}, "Did you mean 'adam'?"},
      {{"--set", "optimizer.momentun=0.5"}, "unknown key 'optimizer.momentun'"},
      {{"--set", "optimizers.gentle.lr=-1"}, "expected a number at least 0 and at most 1e+38, received '-1'"},
      {{"--set", "architecture.name=mlpp"}, "mlp"},
      {{"--set", "architecture.hidden=wide"}, "hidden"},
      {{"--set", "architecture.input_size=17"}, "does not accept inputs of 16 entries"},
      {{"--set", "architecture.output_size=9"}, "expected [1, 2, 10]"},
      {{"--set", "data.image_size=13"}, "image_size 13 is larger"},
      {{"--set", "data.folder=/nowhere"}, "apt-get install dataset-fashion-mnist"},
      {{"--set", "batch_size=331"}, "a batch of 331 cannot be drawn from 330"},
      {{"--set", "optimizer=" + corrupt}, corrupt},
      {{"--set", "optimizer=unf", "--set", "optimizer.theta=/nowhere.safetensors"}, "/nowhere.safetensors"},
      {{"--set", "optimizer=unf", "--set", "optimizer.theta=" + corrupt}, corrupt},
      {{"--set", "broken"}, "expected key=value"},
      {{"--seed", "-1"}, "seed: expected an integer at least 0"},
      {{"--device", "tpu"}, "device: expected one of cpu, cuda, received 'tpu'"},
  };
  for (const auto& [arguments, part] : cases) {
    expect_refused(run("refused", arguments), part);
    EXPECT_FALSE(fs::exists(folder_ / "refused")) << part;
  }
  expect_refused(Command({"train", (folder_ / "none.yaml").string()}).run(), "No such file");
  write_text(folder_ / "bad.yaml", "name: [1\n");
  expect_refused(Command({"train", (folder_ / "bad.yaml").string()}).run(), "bad.yaml:");
  EXPECT_EQ(Command({"train"}).run().status, 2);
}

TEST_F(TrainCommand, AGpuThatIsNotThereIsAnError) {
  const Outcome outcome = Command(train("cuda", {"--device", "cuda"})).environment("CUDA_VISIBLE_DEVICES", "").run();
  expect_refused(outcome, "'cuda' is not available");
  EXPECT_FALSE(fs::exists(folder_ / "cuda"));
}

TEST_F(TrainCommand, DamagedDataNameTheFile) {
  const fs::path images = folder_ / "data" / "train-images-idx3-ubyte.gz";
  const std::string whole = text_of(images);
  write_text(images, whole.substr(0, whole.size() / 2));
  expect_refused(run("run"), "train-images-idx3-ubyte.gz' is cut short");
  std::string flipped = whole;
  flipped[flipped.size() - 5] = static_cast<char>(flipped[flipped.size() - 5] ^ 1);
  write_text(images, flipped);
  expect_refused(run("run"), "train-images-idx3-ubyte.gz' is damaged");
  EXPECT_FALSE(fs::exists(folder_ / "run"));
}

TEST_F(TrainCommand, AFolderThatCannotBeWrittenIsAnError) {
  write_text(folder_ / "file", "");
  // Below a file and on file systems of the kernel not even root can make a folder.
  for (const std::string& out : {(folder_ / "file" / "run").string(), (folder_ / "file").string(),
                                 std::string("/proc/nfopt/run"), std::string("/sys/nfopt-run")}) {
    const Outcome outcome = Command({"train", config_.string(), "--out", out}).run();
    expect_refused(outcome, "cannot make the folder '" + out + "'");
    EXPECT_FALSE(fs::is_directory(out)) << out;
  }
}

TEST_F(TrainCommand, AFolderWithoutPermissionIsAnError) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may write everywhere";
  fs::create_directory(folder_ / "locked");
  fs::permissions(folder_ / "locked", fs::perms::owner_read | fs::perms::owner_exec);
  expect_refused(run("locked/run"), "Permission denied");
  expect_refused(run("locked"), "Permission denied");
  EXPECT_TRUE(fs::is_empty(folder_ / "locked"));
  fs::permissions(folder_ / "locked", fs::perms::owner_all);
}

TEST_F(TrainCommand, AFileInThePlaceOfTheCheckpointsEndsTheRunBeforeItsFirstStep) {
  ASSERT_EQ(run("run", {"--set", "steps=20"}).status, 0);
  fs::remove_all(folder_ / "run" / "checkpoints");
  write_text(folder_ / "run" / "checkpoints", "");
  const std::string before = text_of(folder_ / "run" / "metrics.csv");
  expect_refused(run("run", {"--resume", "--set", "steps=20"}), "cannot make the folder");
  EXPECT_EQ(text_of(folder_ / "run" / "metrics.csv"), before);
}

TEST_F(TrainCommand, AFullDiskEndsTheRunWithTheEarlierCheckpointIntact) {
  ASSERT_EQ(run("whole").status, 0);
  // The metrics outgrow the limit after some steps; the checkpoints are larger than it from the beginning.
  expect_refused(Command(train("tight")).file_size_limit(2000).run(), "cannot be written");
  ASSERT_EQ(run("run", {"--set", "steps=100"}).status, 0);
  const std::string before = text_of(checkpoint("run", 100));
  const size_t room = text_of(folder_ / "run" / "metrics.jsonl").size() + 200;
  const Outcome full = Command(train("run", {"--resume"})).file_size_limit(std::max(room, before.size() + 100)).run();
  expect_refused(full, "File too large");
  EXPECT_EQ(text_of(checkpoint("run", 100)), before);
  const Outcome resumed = run("run", {"--resume"});
  ASSERT_EQ(resumed.status, 0) << resumed.err;
  EXPECT_EQ(text_of(checkpoint("run", 300)), text_of(checkpoint("whole", 300)));
}

TEST_F(TrainCommand, DivergenceStopsOrIsContainedAsConfigured) {
  const std::vector<std::string> wild = {"--set", "optimizer.lr=1e38", "--set", "steps=40"};
  const Outcome stopped = run("stop", wild);
  expect_refused(stopped, "not finite");
  EXPECT_TRUE(contains(stopped.err, "layers.")) << "the parameter is named: " << stopped.err;
  std::vector<std::string> skipping = wild;
  skipping.insert(skipping.end(), {"--set", "on_non_finite=skip"});
  const Outcome skipped = run("skip", skipping);
  EXPECT_EQ(skipped.status, 0) << skipped.err;
  EXPECT_TRUE(contains(skipped.err, "The step is left out")) << skipped.err;
}

TEST_F(TrainCommand, TheOrderOfDataDoesNotDependOnTheThreads) {
  ASSERT_EQ(run("one", {"--set", "steps=40"}).status, 0);
  ASSERT_EQ(run("two", {"--set", "steps=40", "--set", "threads=2"}).status, 0);
  // Tiny operations are not split, so even the bits agree.
  EXPECT_EQ(text_of(folder_ / "one" / "metrics.csv"), text_of(folder_ / "two" / "metrics.csv"));
}

}  // namespace
}  // namespace nfopt
