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

// "<" where some run never got there and the ratio is an upper bound.
std::string ratio_cell(const Bounds& bounds, bool reached) { return (reached ? "" : "< ") + bounds_cell(bounds); }

std::string ratio_cell(const Bounds& bounds, const std::vector<SpeedUp>& seeds) {
  return ratio_cell(bounds, std::all_of(seeds.begin(), seeds.end(), [](const SpeedUp& seed) { return seed.reached; }));
}

// The rows of a group: steps and time, on the training and on the test loss.
std::vector<std::vector<std::string>> rows_of_group(const CompareResult& comparison, const std::string& group,
                                                    const std::string& optimizer,
                                                    const std::vector<std::string>& baselines) {
  std::vector<std::vector<std::string>> rows = {
      {"geometric mean", group}, {"  in time", group}, {"  on test loss", group}, {"  on test loss, in time", group}};
  for (const std::string& name : baselines) {
    const auto found = std::find_if(comparison.groups.begin(), comparison.groups.end(), [&](const GroupMean& one) {
      return one.group == group && one.baseline == name && one.optimizer == optimizer;
    });
    if (found == comparison.groups.end()) {
      for (auto& row : rows) row.emplace_back("-");
      continue;
    }
    rows[0].push_back(ratio_cell(found->train_steps, found->train_reached));
    rows[1].push_back(ratio_cell(found->train_time, found->train_reached));
    rows[2].push_back(ratio_cell(found->test_steps, found->test_reached));
    rows[3].push_back(ratio_cell(found->test_time, found->test_reached));
  }
  return rows;
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
                       ratio_cell(versus.train_steps, versus.train), ratio_cell(versus.train_time, versus.train),
                       ratio_cell(versus.test_steps, versus.test), ratio_cell(versus.test_time, versus.test)});
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
        row.push_back(found == all.end() ? "-" : ratio_cell(found->train_steps, found->train));
      }
      table.push_back(std::move(row));
    }
    std::vector<std::string> groups;
    for (const GroupMean& mean : comparison.groups)
      if (std::find(groups.begin(), groups.end(), mean.group) == groups.end()) groups.push_back(mean.group);
    for (const std::string& group : groups)
      for (auto& row : rows_of_group(comparison, group, comparison.config.optimizers[optimizer], names))
        table.push_back(std::move(row));
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
    text += "Speed-up in steps to the baseline's best smoothed training loss; means also in time, and on test loss\n" +
            suite_table(comparison);
    if (comparison.one_rate > 0)
      text += "One rate of " + comparison.config.one_rate_of + ": " + comparison.config.baseline + " " +
              shortest(comparison.one_rate) + " constant\n";
  }
  return text;
}

}  // namespace nfopt
