// nfopt meta-train on a tiny data set: what a user or a crash can do to a run.

#include <map>

#include "tests/runtime/cli/tiny_meta_task.h"
#include "tests/runtime/io/terminal.h"

namespace nfopt {
namespace {

namespace fs = std::filesystem;
using testing::Command;
using testing::contains;
using testing::Outcome;
using testing::text_of;
using testing::write_text;

using MetaTrainCommand = testing::TinyMetaTask;

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

TEST_F(MetaTrainCommand, ATerminalShowsOuterAndInnerSpeedTheTimeLeftAndTheEvaluations) {
  testing::Terminal terminal;
  Command command(arguments("run", {"--set", "outer.steps=1000000", "--set", "meta.max_seconds=20"}));
  const Outcome stopped =
      command.errors_to(terminal.name()).run_until([&] { return contains(terminal.read(), " left  "); }, SIGTERM);
  EXPECT_EQ(stopped.status, 143) << terminal.read();
  const std::string& text = terminal.read();
  const size_t begin = text.find("per_parameter_mlp seed 0  ");
  ASSERT_NE(begin, std::string::npos) << text;
  const std::string line = text.substr(begin, text.find('\r', begin) - begin);
  for (const std::string part :
       {"/1000000  ", " steps/s  ", " left  ", " inner steps/s  meta-loss ", "  held-out ", " (best "})
    EXPECT_TRUE(contains(line, part)) << "'" << part << "' in " << line;
  EXPECT_TRUE(contains(text, "Continue with:")) << text;
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
