// The real command on a tiny data set: comparisons, sweeps, speed-ups, suites of tasks.

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

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

class CompareCommand : public testing::TinyTask {
 protected:
  Outcome compare(const std::string& out, const std::vector<std::string>& sets) const {
    std::vector<std::string> arguments = {"compare", config_.string(), "--out", (folder_ / out).string()};
    for (const std::string& set : sets) arguments.insert(arguments.end(), {"--set", set});
    return Command(arguments).run();
  }
  nlohmann::json json(const std::string& out) const {
    return nlohmann::json::parse(text_of(folder_ / out / "compare.json"));
  }
  size_t cached() const {
    std::error_code code;
    return static_cast<size_t>(
        std::distance(fs::directory_iterator(folder_ / "cache", code), fs::directory_iterator()));
  }

  const std::vector<std::string> sweep_ = {"steps=60", "evaluation.every=20", "compare.optimizers=[unf]",
                                           "compare.sweep={optimizers: [adam, sgd], rates: [0.001, 0.01, 0.1]}",
                                           "compare.smoothing={kind: window, steps: 20}"};
};

// What depends on the clock.
void forget_times(nlohmann::json& json) {
  if (json.is_object()) {
    for (const char* key : {"milliseconds_per_step", "train_time", "test_time"}) json.erase(key);
  }
  if (json.is_structured())
    for (auto& part : json) forget_times(part);
}

TEST_F(CompareCommand, TrainsEveryOptimizerAndSeedAndReusesFinishedRuns) {
  const Outcome first = compare("all", {"steps=60"});
  ASSERT_EQ(first.status, 0) << first.err;
  EXPECT_TRUE(contains(first.out, "sgdm") && contains(first.out, "+-")) << first.out;
  const std::string text = text_of(folder_ / "all" / "compare.json");
  EXPECT_EQ(count(text, "\"folder\""), 4u);
  EXPECT_TRUE(contains(text_of(folder_ / "all" / "compare.svg"), "fill-opacity"));

  const Outcome again = compare("all", {"steps=60"});
  ASSERT_EQ(again.status, 0) << again.err;
  EXPECT_EQ(count(again.err, "reused"), 4u) << again.err;
  EXPECT_EQ(text_of(folder_ / "all" / "compare.json"), text);

  expect_refused(compare("refused", {"compare.seeds=[1, 1]"}), "given twice");
  expect_refused(compare("refused", {"compare.optimizers=[sgdm, nope]"}), "'nope'");
  EXPECT_FALSE(fs::exists(folder_ / "refused"));
}

TEST_F(CompareCommand, ASweepGivesSpeedUpsThatFollowTheirDefinition) {
  const Outcome outcome = compare("swept", sweep_);
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  const nlohmann::json all = json("swept");
  EXPECT_EQ(all["settings"].size(), 12u) << "three rates, two schedules, two optimizers";
  EXPECT_EQ(cached(), 24u) << "two seeds each";
  ASSERT_EQ(all["tuned"].size(), 2u);
  double best = INFINITY;
  for (const auto& setting : all["settings"])
    if (setting["optimizer"] == "adam") best = std::min(best, setting["lowest_smoothed_train_loss"].get<double>());
  double tuned = 0;
  for (const auto& run : all["tuned"][0]["runs"]) tuned += run["lowest_smoothed_train_loss"].get<double>() / 2;
  EXPECT_NEAR(tuned, best, 1e-12) << "the best single run is the best of the settings";

  const nlohmann::json& versus = all["optimizers"][0]["speed_up"];
  ASSERT_EQ(versus.size(), 5u) << "adam: best, constant, cosine, envelope; sgd: best";
  EXPECT_EQ(versus[0]["over"], "adam, best single run");
  double log_mean = 0;
  for (size_t seed = 0; seed < 2; ++seed) {
    const auto& one = versus[0]["train_seeds"][seed];
    EXPECT_EQ(one["loss"], all["tuned"][0]["runs"][seed]["lowest_smoothed_train_loss"]);
    if (one["reached"] == true) {
      EXPECT_EQ(one["ratio"].get<double>(), one["baseline_steps"].get<double>() / one["steps"].get<double>());
    } else {
      EXPECT_LE(one["ratio"].get<double>(), 1);
    }
    log_mean += std::log(one["ratio"].get<double>()) / 2;
  }
  EXPECT_NEAR(std::log(versus[0]["train_steps"]["mean"].get<double>()), log_mean, 1e-12);
  EXPECT_LE(versus[0]["train_steps"]["low"].get<double>(), versus[0]["train_steps"]["mean"].get<double>());
  EXPECT_TRUE(contains(outcome.out, "adam, lower envelope")) << outcome.out;
  const std::string plot = text_of(folder_ / "swept" / "compare.svg");
  EXPECT_EQ(count(plot, "class='line thin'"), 1u);
  EXPECT_EQ(count(plot, ">adam, lower envelope"), 2u) << "legend and last value";
  EXPECT_TRUE(fs::exists(folder_ / "swept" / "sweep.svg"));
  EXPECT_FALSE(fs::exists(folder_ / "swept" / "adam-seed0")) << "sweeps leave no run folders";
}

TEST_F(CompareCommand, BaselinesAreTrainedOnce) {
  ASSERT_EQ(compare("first", sweep_).status, 0);
  const std::vector<fs::path> files = {fs::directory_iterator(folder_ / "cache"), fs::directory_iterator()};
  const auto written = fs::last_write_time(files.front());
  // Another optimizer, another name, another folder: the same baselines.
  std::vector<std::string> other = sweep_;
  other.insert(other.end(), {"compare.optimizers=[gentle]", "name=other"});
  const Outcome outcome = compare("second", other);
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_TRUE(contains(outcome.err, "24 runs of sweeps found")) << outcome.err;
  EXPECT_EQ(fs::last_write_time(files.front()), written);
  EXPECT_EQ(cached(), 24u);
  EXPECT_EQ(json("first")["settings"], json("second")["settings"]);
}

TEST_F(CompareCommand, NumbersDoNotDependOnTheThreads) {
  std::vector<std::string> one = sweep_, three = sweep_;
  one.insert(one.end(), {"compare.threads=1", "compare.cache=" + (folder_ / "cache1").string()});
  three.insert(three.end(), {"compare.threads=3", "compare.cache=" + (folder_ / "cache3").string()});
  ASSERT_EQ(compare("one", one).status, 0);
  ASSERT_EQ(compare("three", three).status, 0);
  nlohmann::json a = json("one"), b = json("three");
  forget_times(a);
  forget_times(b);
  EXPECT_EQ(a, b);
  EXPECT_EQ(text_of(folder_ / "one" / "unf-seed1" / "metrics.csv"),
            text_of(folder_ / "three" / "unf-seed1" / "metrics.csv"));
}

TEST_F(CompareCommand, DivergenceIsContainedAndReported) {
  std::vector<std::string> wild = sweep_;
  wild.insert(wild.end(), {"compare.optimizers=[wild]", "optimizers.wild={rule: sgd, lr: 1e38}",
                           "compare.sweep={optimizers: [sgd], rates: [0.1, 1e38]}"});
  for (int again = 0; again < 2; ++again) {
    const Outcome outcome = compare("wild", wild);
    ASSERT_EQ(outcome.status, 0) << outcome.err;
    EXPECT_TRUE(contains(outcome.out, "2 of 2 diverged")) << outcome.out;
    const nlohmann::json all = json("wild");
    EXPECT_EQ(all["optimizers"][0]["speed_up"][0]["train_steps"]["mean"], 0.0);
    EXPECT_TRUE(all["settings"][1]["lowest_smoothed_train_loss"].is_null());
    EXPECT_TRUE(contains(outcome.out, "the highest that was tried") || contains(outcome.out, "widen")) << outcome.out;
  }
}

TEST_F(CompareCommand, AfterTheErrorOfOneRunNoOtherIsBegun) {
  std::vector<std::string> broken = sweep_;
  broken.insert(broken.end(), {"compare.threads=1", "optimizers.learned={rule: unf, theta: /nowhere.safetensors}",
                               "compare.optimizers=[learned]"});
  expect_refused(compare("broken", broken), "/nowhere.safetensors");
  EXPECT_FALSE(fs::exists(folder_ / "cache")) << "minutes of sweeps before a message help nobody";
}

TEST_F(CompareCommand, ASuiteTellsEveryTaskTheOneRateAndTheGeometricMeans) {
  write_text(folder_ / "wide.yaml", text_of(config_));
  std::vector<std::string> suite = sweep_;
  suite.insert(suite.end(),
               {"compare.sweep={optimizers: [adam], rates: [0.001, 0.01, 0.1], schedules: [constant]}",
                "compare.tasks=[{name: small, group: in, set: [\"architecture.hidden=[4]\"]}, {name: usual, group: in},"
                " {config: wide.yaml, group: new, set: [\"architecture.hidden=[16, 16]\", steps=40], rates: [0.3]}]",
                "compare.one_rate_of=in"});
  const Outcome outcome = compare("suite", suite);
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  const nlohmann::json all = json("suite");
  ASSERT_EQ(all["tasks"].size(), 3u);
  EXPECT_EQ(all["tasks"][2]["name"], "wide");
  EXPECT_EQ(all["tasks"][2]["steps"], 40);
  for (const char* task : {"small", "usual", "wide"})
    for (const char* file : {"compare.svg", "unf-seed0/metrics.csv"})
      EXPECT_TRUE(fs::exists(folder_ / "suite" / task / file)) << task << "/" << file;
  EXPECT_EQ(cached(), 2u * (3 + 3 + 1 + 1)) << "the one rate is trained on the task whose grid lacks it";
  const double rate = all["one_rate"].get<double>();
  EXPECT_TRUE(rate == 0.001 || rate == 0.01 || rate == 0.1);
  std::map<std::string, std::map<std::string, double>> logs;  // by baseline, by figure
  std::map<std::string, bool> reached;
  const std::vector<std::string> figures = {"train_steps", "train_time", "test_steps", "test_time"};
  for (size_t task = 0; task < 2; ++task)
    for (const auto& versus : all["tasks"][task]["optimizers"][0]["speed_up"]) {
      const std::string over = versus["over"];
      for (const std::string& figure : figures)
        logs[over][figure] += std::log(versus[figure]["mean"].get<double>()) / 2;
      reached.emplace(over, true);
      for (const auto& seed : versus["train_seeds"]) reached[over] = reached[over] && seed["reached"].get<bool>();
    }
  EXPECT_EQ(logs.count("adam, one rate of in"), 1u);
  size_t means = 0;
  for (const auto& mean : all["geometric_means"]) {
    if (mean["group"] != "in") continue;
    ++means;
    for (const std::string& figure : figures)
      EXPECT_NEAR(mean[figure]["mean"].get<double>(), std::exp(logs.at(mean["over"]).at(figure)), 1e-12) << figure;
    EXPECT_EQ(mean["train_reached"], reached.at(mean["over"]));
  }
  EXPECT_EQ(means, logs.size());
  for (const std::string row : {"  geometric mean", "    in time", "    on test loss ", "    on test loss, in time"})
    EXPECT_EQ(count(outcome.out, "\n" + row), 2u) << row << " of each group in\n" << outcome.out;

  suite.push_back("compare.tasks=[{name: broken, set: [\"stepz=4\"]}]");
  suite.push_back("compare.one_rate_of=tasks");
  const Outcome broken = compare("broken", suite);
  expect_refused(broken, "stepz");
  EXPECT_TRUE(contains(broken.err, "task 'broken'")) << broken.err;
}

TEST_F(CompareCommand, StoppedComparisonsGoOnWhereTheyWere) {
  std::vector<std::string> arguments = {"compare", config_.string(), "--out", (folder_ / "run").string(),
                                        "--set",   "steps=600"};
  const Outcome stopped = Command(arguments).run_until([&] { return has_saved("run/sgdm-seed0", 40); }, SIGINT);
  EXPECT_EQ(stopped.status, 130) << stopped.err;
  EXPECT_TRUE(contains(stopped.err, "--resume")) << stopped.err;
  arguments.push_back("--resume");
  const Outcome resumed = Command(arguments).run();
  EXPECT_EQ(resumed.status, 0) << resumed.err;
  EXPECT_EQ(count(text_of(folder_ / "run" / "compare.json"), "\"folder\""), 4u);
}

}  // namespace
}  // namespace nfopt
