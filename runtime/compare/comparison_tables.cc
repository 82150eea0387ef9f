#include <nfopt/runtime/compare/comparison_tables.h>
#include <nfopt/runtime/compare/text_table.h>

#include <algorithm>
#include <cmath>

namespace nfopt {
namespace {

std::string cell(const Statistic& value, int digits, bool several) {
  return fixed(value.mean, digits) +
         (several && !std::isnan(value.mean) ? " +- " + fixed(value.deviation, digits) : "");
}

std::string bounds_cell(const Bounds& bounds) {
  std::string text = fixed(bounds.mean, 2);
  if (!std::isnan(bounds.low)) text += " [" + fixed(bounds.low, 2) + ", " + fixed(bounds.high, 2) + "]";
  return text;
}

std::string steps_cell(const Bounds& bounds, const std::vector<SpeedUp>& seeds) {
  const auto missed = [](const SpeedUp& seed) { return !seed.reached; };
  return (std::any_of(seeds.begin(), seeds.end(), missed) ? "< " : "") + bounds_cell(bounds);
}

std::string setting_of(const TaskComparison& task, const std::string& baseline) {
  for (const Baseline& one : task.baselines)
    if (one.name == baseline) return one.setting;
  return "";
}

std::string percent(double share) { return fixed(100 * share, 0) + " %"; }

}  // namespace

std::string losses_table(const TaskComparison& task) {
  std::vector<std::pair<double, std::vector<std::string>>> rows;
  const auto add = [&](const Contender& contender, const std::string& remark) {
    const bool several = contender.runs.size() > 1;
    const Statistic loss = statistic(contender.runs, &TrainResult::train_loss);
    const int64_t diverged = contender.diverged();
    rows.push_back({diverged > 0 || std::isnan(loss.mean) ? INFINITY : loss.mean,
                    {contender.name + remark +
                         (diverged > 0 ? " (" + std::to_string(diverged) + " of " +
                                             std::to_string(contender.runs.size()) + " diverged)"
                                       : ""),
                     cell(loss, 4, several), cell(statistic(contender.runs, &TrainResult::train_set_loss), 4, several),
                     cell(statistic(contender.runs, &TrainResult::test_loss), 4, several),
                     cell(statistic(contender.runs, &TrainResult::test_accuracy), 4, several),
                     fixed(contender.milliseconds_per_step, 3)}});
  };
  for (const Contender& contender : task.optimizers) add(contender, "");
  for (const Contender& contender : task.tuned) add(contender, ", tuned");
  std::stable_sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<std::vector<std::string>> table = {
      {"optimizer", "train loss", "train loss, all", "test loss", "test accuracy", "ms/step"}};
  for (auto& row : rows) table.push_back(std::move(row.second));
  return text_table(table);
}

std::string speed_up_table(const TaskComparison& task, double confidence) {
  std::vector<std::vector<std::string>> table = {{"speed-up [" + percent(confidence) + "] of", "over", "which is",
                                                  "train, steps", "train, time", "test, steps", "test, time"}};
  for (const Contender& contender : task.optimizers)
    for (const Versus& versus : contender.against)
      table.push_back({contender.name, versus.baseline, setting_of(task, versus.baseline),
                       steps_cell(versus.train_steps, versus.train), bounds_cell(versus.train_time),
                       steps_cell(versus.test_steps, versus.test), bounds_cell(versus.test_time)});
  return text_table(table, 3);
}

std::string suite_table(const CompareResult& comparison) {
  std::string text;
  for (size_t optimizer = 0; optimizer < comparison.config.optimizers.size(); ++optimizer) {
    std::vector<std::string> names;
    for (const TaskComparison& task : comparison.tasks)
      for (const Baseline& baseline : task.baselines)
        if (std::find(names.begin(), names.end(), baseline.name) == names.end()) names.push_back(baseline.name);
    std::vector<std::vector<std::string>> table = {{comparison.config.optimizers[optimizer] + " over", "group"}};
    table[0].insert(table[0].end(), names.begin(), names.end());
    for (const TaskComparison& task : comparison.tasks) {
      std::vector<std::string> row = {task.task.name, task.task.group};
      for (const std::string& name : names) {
        const auto& all = task.optimizers[optimizer].against;
        const auto found =
            std::find_if(all.begin(), all.end(), [&](const Versus& one) { return one.baseline == name; });
        row.push_back(found == all.end() ? "-" : steps_cell(found->train_steps, found->train));
      }
      table.push_back(std::move(row));
    }
    std::vector<std::string> groups;
    for (const GroupMean& mean : comparison.groups)
      if (std::find(groups.begin(), groups.end(), mean.group) == groups.end()) groups.push_back(mean.group);
    for (const std::string& group : groups) {
      std::vector<std::string> steps = {"geometric mean", group}, time = {"  in time", group};
      for (const std::string& name : names) {
        const auto found = std::find_if(comparison.groups.begin(), comparison.groups.end(), [&](const GroupMean& one) {
          return one.group == group && one.baseline == name && one.optimizer == comparison.config.optimizers[optimizer];
        });
        steps.push_back(found == comparison.groups.end() ? "-" : bounds_cell(found->train_steps));
        time.push_back(found == comparison.groups.end() ? "-" : bounds_cell(found->train_time));
      }
      table.push_back(std::move(steps));
      table.push_back(std::move(time));
    }
    text += (text.empty() ? "" : "\n") + text_table(table, 2);
  }
  return text;
}

std::string describe(const CompareResult& comparison) {
  std::string text;
  for (const TaskComparison& task : comparison.tasks) {
    text += task.config.name + ": " + std::to_string(task.optimizers.size()) + " optimizers, " +
            std::to_string(task.task.seeds.size()) + " seeds, " + std::to_string(task.config.steps) + " steps\n" +
            losses_table(task);
    if (!task.baselines.empty()) text += "\n" + speed_up_table(task, comparison.config.confidence);
    for (const std::string& notice : task.notices) text += "note   " + notice + "\n";
    text += "plot   " + (task.task.folder / "compare.svg").string() +
            (task.settings.empty() ? "" : "  " + (task.task.folder / "sweep.svg").string()) + "\n";
    if (comparison.tasks.size() > 1) text += "\n";
  }
  if (!comparison.groups.empty()) {
    text += "Speed-up in steps to the baseline's best smoothed training loss\n" + suite_table(comparison);
    if (comparison.one_rate > 0)
      text += "One rate of " + comparison.config.one_rate_of + ": " + comparison.config.baseline + " " +
              shortest(comparison.one_rate) + " constant\n";
  }
  return text;
}

}  // namespace nfopt
