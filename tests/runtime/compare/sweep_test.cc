#include <gtest/gtest.h>
#include <nfopt/nflayers/spec/error.h>
#include <nfopt/runtime/compare/comparison.h>

#include <cmath>

namespace nfopt {
namespace {

// Two seeds that end at `loss` and a little above it.
Setting setting(double rate, const std::string& schedule, double loss, bool diverges = false) {
  Setting out{.optimizer = "adam", .rate = rate, .schedule = schedule};
  std::vector<RunRecord> runs(2);
  for (size_t seed = 0; seed < 2; ++seed) {
    for (int64_t step : {0, 10, 20})
      runs[seed].rows.push_back(
          {step, {step == 0 ? NAN : loss + (step == 10 ? 1.0 : 0.0) + 0.01 * static_cast<double>(seed), NAN, 1, 1}});
    if (diverges && seed == 1) runs[seed].result.diverged_at = 20;
  }
  out.evaluate(runs, {Smoothing::Kind::window, 0, 10});
  return out;
}

TEST(Sweep, TheBestSettingHasTheLowestMeanAndNeverDiverged) {
  const std::vector<Setting> settings = {setting(0.001, "constant", 0.5), setting(0.01, "constant", 0.3),
                                         setting(0.1, "constant", 0.1, true), setting(0.01, "cosine", 0.25),
                                         setting(0.1, "cosine", 0.4)};
  EXPECT_NEAR(settings[0].score, 0.505, 1e-12);
  EXPECT_TRUE(std::isinf(settings[2].score));
  EXPECT_EQ(best_setting(settings, "adam"), &settings[3]);
  EXPECT_EQ(best_setting(settings, "adam", "constant"), &settings[1]);
  EXPECT_EQ(best_setting(settings, "sgd"), nullptr);
  EXPECT_FALSE(edge_of_grid(settings, settings[1]).has_value());
  EXPECT_NE(edge_of_grid(settings, settings[3])->find("the lowest that was tried"), std::string::npos);
}

TaskComparison task(const std::string& group, const std::vector<double>& losses) {
  TaskComparison out;
  out.task.group = group;
  const std::vector<double> rates = {0.001, 0.01, 0.1};
  for (size_t i = 0; i < losses.size(); ++i) out.settings.push_back(setting(rates[i], "constant", losses[i]));
  return out;
}

TEST(Sweep, TheOneRateOfAGroupIsTheBestCompromise) {
  // 0.01 is never best and never far away; the other group does not count.
  const std::vector<TaskComparison> tasks = {task("in", {0.1, 0.12, 0.9}), task("in", {0.9, 0.12, 0.1}),
                                             task("out", {0.01, 9, 9})};
  EXPECT_EQ(best_rate_of_group(tasks, "in", "adam"), 0.01);
  EXPECT_EQ(best_rate_of_group(tasks, "out", "adam"), 0.001);
  EXPECT_THROW(best_rate_of_group(tasks, "nobody", "adam"), Error);
  EXPECT_EQ(best_rate_of_group({task("in", {0.3, 0.2, 0.1}), task("in", {0.2, 0.1})}, "in", "adam"), 0.01)
      << "only rates that every task tried";
}

TEST(Sweep, SettingsChangeRateAndScheduleAlone) {
  const YamlValue document = parse_yaml(R"(name: tiny
architecture: {name: mlp, input_size: 16, hidden: [8], output_size: 10}
data: {name: fashion_mnist}
steps: 60
optimizer: adam
early_stop: {patience: 2}
optimizers:
  adam: {lr: 7, beta2: 0.99, warmup: 5}
)",
                                        "tiny.yaml");
  SweepConfig sweep;
  sweep.optimizers = {"adam", "sgdm"};
  sweep.schedules = {"constant", "cosine"};
  const std::vector<Setting> settings = settings_of(sweep, {}, document, "tiny.yaml");
  EXPECT_EQ(settings.size(), 60u) << "15 rates, 2 schedules, 2 optimizers";
  EXPECT_EQ(settings_of(sweep, {0.1, 0.2}, document, "tiny.yaml").size(), 8u);
  const TrainConfig config = config_of(settings[16], config_of_run(document, "tiny.yaml", "adam", 3));
  EXPECT_EQ(config.optimizer.lr, settings[16].rate);
  EXPECT_EQ(config.optimizer.schedule.decay, LrSchedule::Decay::cosine);
  EXPECT_EQ(config.optimizer.schedule.warmup, 5);
  EXPECT_EQ(config.optimizer.beta2, 0.99);
  EXPECT_EQ(config.seed, 3);
  EXPECT_FALSE(config.early_stop.has_value());
}

}  // namespace
}  // namespace nfopt
