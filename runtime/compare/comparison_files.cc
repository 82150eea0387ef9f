#include <nfopt/runtime/compare/comparison_files.h>
#include <nfopt/runtime/io/atomic_file.h>
#include <nfopt/runtime/io/svg_plot.h>
#include <nfopt/runtime/version.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

namespace nfopt {
namespace {

using Json = nlohmann::ordered_json;

Json real(double value) { return std::isfinite(value) ? Json(value) : Json(); }

Json statistic_json(const std::vector<RunRecord>& runs, double TrainResult::*value) {
  const Statistic statistic = nfopt::statistic(runs, value);
  return {{"mean", real(statistic.mean)}, {"deviation", real(statistic.deviation)}};
}

Json json_of(const Bounds& bounds) {
  return {{"mean", real(bounds.mean)}, {"low", real(bounds.low)}, {"high", real(bounds.high)}};
}

Json json_of(const std::vector<SpeedUp>& seeds) {
  Json out = Json::array();
  for (const SpeedUp& seed : seeds)
    out.push_back({{"ratio", real(seed.ratio)},
                   {"reached", seed.reached},
                   {"loss", real(seed.level)},
                   {"baseline_steps", real(seed.baseline_steps)},
                   {"steps", real(seed.steps)}});
  return out;
}

Json json_of(const Versus& versus) {
  Json out;
  out["over"] = versus.baseline;
  out["train_steps"] = json_of(versus.train_steps);
  out["train_time"] = json_of(versus.train_time);
  out["test_steps"] = json_of(versus.test_steps);
  out["test_time"] = json_of(versus.test_time);
  out["train_seeds"] = json_of(versus.train);
  out["test_seeds"] = json_of(versus.test);
  return out;
}

Json json_of(const Contender& contender, const std::vector<int64_t>& seeds) {
  Json out;
  out["name"] = contender.name;
  out["train_loss"] = statistic_json(contender.runs, &TrainResult::train_loss);
  out["train_set_loss"] = statistic_json(contender.runs, &TrainResult::train_set_loss);
  out["test_loss"] = statistic_json(contender.runs, &TrainResult::test_loss);
  out["test_accuracy"] = statistic_json(contender.runs, &TrainResult::test_accuracy);
  out["milliseconds_per_step"] = real(contender.milliseconds_per_step);
  for (size_t i = 0; i < contender.runs.size(); ++i) {
    const TrainResult& result = contender.runs[i].result;
    Json run = {{"seed", seeds[i]}};
    if (!contender.folders.empty()) run["folder"] = contender.folders[i].filename().string();
    if (result.diverged_at) run["diverged_at"] = *result.diverged_at;
    run["train_loss"] = real(result.train_loss);
    run["lowest_smoothed_train_loss"] = real(contender.train[i].lowest());
    run["lowest_smoothed_test_loss"] = real(contender.test[i].lowest());
    run["train_set_loss"] = real(result.train_set_loss);
    run["test_loss"] = real(result.test_loss);
    run["test_accuracy"] = real(result.test_accuracy);
    out["runs"].push_back(std::move(run));
  }
  if (!contender.against.empty())
    for (const Versus& versus : contender.against) out["speed_up"].push_back(json_of(versus));
  return out;
}

Json json_of(const TaskComparison& task) {
  Json out;
  out["name"] = task.config.name;
  if (!task.task.group.empty()) out["group"] = task.task.group;
  out["steps"] = task.config.steps;
  out["seeds"] = task.task.seeds;
  for (const Contender& contender : task.optimizers) out["optimizers"].push_back(json_of(contender, task.task.seeds));
  for (const Contender& contender : task.tuned) out["tuned"].push_back(json_of(contender, task.task.seeds));
  for (const Baseline& baseline : task.baselines)
    out["baselines"].push_back({{"name", baseline.name},
                                {"setting", baseline.setting},
                                {"milliseconds_per_step", real(baseline.milliseconds_per_step)}});
  for (const Setting& setting : task.settings) {
    Json entry = {{"optimizer", setting.optimizer},
                  {"rate", setting.rate},
                  {"schedule", setting.schedule},
                  {"lowest_smoothed_train_loss", real(setting.score)}};
    const auto diverged =
        std::count_if(setting.runs.begin(), setting.runs.end(), [](const RunRecord& run) { return run.diverged(); });
    if (diverged > 0) entry["diverged"] = diverged;
    if (!setting.in_grid) entry["in_grid"] = false;
    out["settings"].push_back(std::move(entry));
  }
  if (!task.notices.empty()) out["notes"] = task.notices;
  return out;
}

PlotSeries series_of(const std::string& label, const std::vector<Curve>& seeds) {
  PlotSeries out;
  out.label = label;
  for (size_t i = 0;; ++i) {
    double sum = 0, low = INFINITY, high = -INFINITY, count = 0, step = 0;
    for (const Curve& seed : seeds) {
      if (i >= seed.values.size()) continue;
      step = seed.steps[i];
      sum += seed.values[i];
      low = std::min(low, seed.values[i]);
      high = std::max(high, seed.values[i]);
      ++count;
    }
    if (count == 0) break;
    out.x.push_back(step);
    out.y.push_back(sum / count);
    out.low.push_back(low);
    out.high.push_back(high);
  }
  if (seeds.size() < 2) out.low = out.high = {};
  return out;
}

Plot curves_plot(const TaskComparison& task, const Smoothing& smoothing) {
  Plot plot;
  plot.title = task.config.name + ": training loss";
  const std::vector<int64_t>& seeds = task.task.seeds;
  plot.subtitle = "batch " + std::to_string(task.config.batch_size) + "; " + describe(smoothing) +
                  (seeds.size() > 1 ? "; mean and range over " + std::to_string(seeds.size()) + " seeds"
                                    : "; seed " + std::to_string(seeds.front()));
  plot.x_label = "step";
  plot.y_label = "cross entropy (nats)";
  plot.y_scale = Plot::Scale::logarithmic;
  for (const Contender& contender : task.optimizers) plot.series.push_back(series_of(contender.name, contender.train));
  for (const Contender& contender : task.tuned) plot.series.push_back(series_of(contender.name, contender.train));
  for (const Baseline& baseline : task.baselines) {
    if (!baseline.envelope) continue;
    PlotSeries series = series_of(baseline.name, baseline.train);
    series.low = series.high = {};
    series.line = PlotSeries::Line::thin;
    plot.series.push_back(std::move(series));
  }
  return plot;
}

Plot sweep_plot(const TaskComparison& task) {
  Plot plot;
  plot.title = task.config.name + ": learning rates";
  plot.subtitle = "lowest smoothed training loss, mean and range over " + std::to_string(task.task.seeds.size()) +
                  " seeds; rates that diverged are left out";
  plot.x_label = "learning rate";
  plot.y_label = "cross entropy (nats)";
  plot.x_scale = plot.y_scale = Plot::Scale::logarithmic;
  for (const Setting& setting : task.settings) {
    if (!setting.in_grid) continue;
    const std::string label = setting.optimizer + " " + setting.schedule;
    if (plot.series.empty() || plot.series.back().label != label) plot.series.push_back({.label = label});
    if (!std::isfinite(setting.score)) continue;
    PlotSeries& series = plot.series.back();
    double low = INFINITY, high = -INFINITY;
    for (const Curve& curve : setting.train) {
      low = std::min(low, curve.lowest());
      high = std::max(high, curve.lowest());
    }
    series.x.push_back(setting.rate);
    series.y.push_back(setting.score);
    series.low.push_back(low);
    series.high.push_back(high);
  }
  return plot;
}

}  // namespace

void write_comparison(const CompareResult& comparison, const std::filesystem::path& folder) {
  Json json;
  json["nfopt"] = version();
  json["seeds"] = comparison.config.seeds;
  json["smoothing"] = describe(comparison.config.smoothing);
  json["confidence"] = comparison.config.confidence;
  if (comparison.config.tasks.empty()) {
    json.update(json_of(comparison.tasks.front()));
  } else {
    for (const TaskComparison& task : comparison.tasks) json["tasks"].push_back(json_of(task));
  }
  if (comparison.one_rate > 0) json["one_rate"] = comparison.one_rate;
  for (const GroupMean& mean : comparison.groups)
    json["geometric_means"].push_back({{"group", mean.group},
                                       {"optimizer", mean.optimizer},
                                       {"over", mean.baseline},
                                       {"tasks", mean.tasks},
                                       {"train_steps", json_of(mean.train_steps)},
                                       {"train_time", json_of(mean.train_time)},
                                       {"test_steps", json_of(mean.test_steps)},
                                       {"test_time", json_of(mean.test_time)},
                                       {"train_reached", mean.train_reached},
                                       {"test_reached", mean.test_reached}});
  write_atomically(folder / "compare.json", json.dump(2) + "\n");
  for (const TaskComparison& task : comparison.tasks) {
    write_atomically(task.task.folder / "compare.svg", to_svg(curves_plot(task, comparison.config.smoothing)));
    if (!task.settings.empty()) write_atomically(task.task.folder / "sweep.svg", to_svg(sweep_plot(task)));
  }
}

}  // namespace nfopt
