#include <nfopt/nflayers/spec/error.h>
#include <nfopt/runtime/compare/comparison.h>
#include <nfopt/runtime/compare/step_timing.h>

#include <algorithm>
#include <cmath>
#include <map>

namespace nfopt {
namespace {

RunJob job_of(const CompareTask& task, TrainConfig config, const std::string& what, std::filesystem::path folder) {
  const std::string name = (task.name.empty() ? "" : task.name + ": ") + what + " seed " + std::to_string(config.seed);
  return {std::move(config), name, std::move(folder)};
}

RunJob job_of(const CompareTask& task, const Setting& setting, int64_t seed) {
  return job_of(task, config_of(setting, config_of_run(task.document, task.file, setting.optimizer, seed)),
                setting.name(), {});
}

// Jobs together with what to do with their records, a list of seeds at a time.
class Plan {
 public:
  void add(std::vector<RunJob> jobs, std::function<void(std::vector<RunRecord>)> take) {
    takers_.emplace_back(jobs.size(), std::move(take));
    for (RunJob& job : jobs) jobs_.push_back(std::move(job));
  }
  void run(const RecordCache& cache, const RunJobsOptions& options) {
    std::vector<RunRecord> records = run_jobs(jobs_, cache, options);
    auto next = std::make_move_iterator(records.begin());
    for (const auto& [count, take] : takers_) {
      take({next, next + static_cast<std::ptrdiff_t>(count)});
      next += static_cast<std::ptrdiff_t>(count);
    }
  }

 private:
  std::vector<RunJob> jobs_;
  std::vector<std::pair<size_t, std::function<void(std::vector<RunRecord>)>>> takers_;
};

void plan_setting(Plan& plan, const CompareTask& task, Setting& setting, const Smoothing& smoothing) {
  std::vector<RunJob> jobs;
  for (const int64_t seed : task.seeds) jobs.push_back(job_of(task, setting, seed));
  plan.add(std::move(jobs), [&](std::vector<RunRecord> runs) { setting.evaluate(std::move(runs), smoothing); });
}

void plan_contender(Plan& plan, const CompareTask& task, Contender& contender, const Smoothing& smoothing) {
  std::vector<RunJob> jobs;
  for (const int64_t seed : task.seeds) {
    TrainConfig config = config_of_run(task.document, task.file, contender.name, seed);
    contender.folders.push_back(folder_of_run(task.folder, config));
    jobs.push_back(job_of(task, std::move(config), contender.name, contender.folders.back()));
  }
  plan.add(std::move(jobs), [&](std::vector<RunRecord> runs) {
    contender.runs = std::move(runs);
    for (const RunRecord& run : contender.runs) {
      contender.train.push_back(smoothed(curve_of(run.rows, 0), smoothing));
      contender.test.push_back(smoothed(curve_of(run.rows, 2), smoothing));
    }
  });
}

Contender tuned_contender(const Setting& setting) {
  return {.name = setting.name(), .runs = setting.runs, .train = setting.train, .test = setting.test};
}

std::vector<Curve> envelopes(const std::vector<Setting>& settings, const std::string& optimizer,
                             std::vector<Curve> Setting::*curves, size_t seeds) {
  std::vector<Curve> out;
  for (size_t seed = 0; seed < seeds; ++seed) {
    std::vector<Curve> all;
    for (const Setting& setting : settings)
      if (setting.in_grid && setting.optimizer == optimizer) all.push_back((setting.*curves)[seed]);
    out.push_back(lower_envelope(all));
  }
  return out;
}

void add_baselines(TaskComparison& task, const CompareConfig& config) {
  const auto add = [&](const std::string& name, const Setting* setting) {
    if (setting != nullptr) task.baselines.push_back({name, setting->name(), setting->train, setting->test, 0});
  };
  const std::string& reference = config.baseline;
  std::vector<std::string> order = {reference};
  for (const std::string& optimizer : config.sweep->optimizers)
    if (optimizer != reference) order.push_back(optimizer);
  for (const std::string& optimizer : order) {
    const Setting* best = best_setting(task.settings, optimizer);
    if (best == nullptr) {
      task.notices.push_back("every rate of " + optimizer + " diverged: lower compare.sweep.rates.");
      continue;
    }
    task.tuned.push_back(tuned_contender(*best));
    if (const auto edge = edge_of_grid(task.settings, *best)) task.notices.push_back(*edge);
    add(optimizer + ", best single run", best);
    if (optimizer != reference) continue;
    if (config.sweep->schedules.size() > 1)
      for (const std::string& schedule : config.sweep->schedules)
        add(optimizer + ", best " + schedule, best_setting(task.settings, optimizer, schedule));
    const auto count = std::count_if(task.settings.begin(), task.settings.end(), [&](const Setting& setting) {
      return setting.in_grid && setting.optimizer == optimizer;
    });
    task.baselines.push_back({optimizer + ", lower envelope", std::to_string(count) + " settings",
                              envelopes(task.settings, optimizer, &Setting::train, task.task.seeds.size()),
                              envelopes(task.settings, optimizer, &Setting::test, task.task.seeds.size()), 0, true});
  }
}

// One measurement for all optimizers of a task. A swept optimizer costs the same at every rate.
void add_times(TaskComparison& task, const CompareConfig& config) {
  std::vector<TrainConfig> configs;
  const auto config_named = [&](const std::string& name) {
    return config_of_run(task.task.document, task.task.file, name, task.task.seeds.front());
  };
  for (const Contender& contender : task.optimizers) configs.push_back(config_named(contender.name));
  if (config.sweep)
    for (const std::string& name : config.sweep->optimizers) configs.push_back(config_named(name));
  const std::vector<double> times = milliseconds_per_step(configs, task.task.folder / "timing.json");
  size_t next = 0;
  for (Contender& contender : task.optimizers) contender.milliseconds_per_step = times[next++];
  if (!config.sweep) return;
  for (const std::string& name : config.sweep->optimizers) {
    for (Contender& contender : task.tuned)
      if (contender.name.starts_with(name + " ")) contender.milliseconds_per_step = times[next];
    for (Baseline& baseline : task.baselines)
      if (baseline.name.starts_with(name + ",")) baseline.milliseconds_per_step = times[next];
    ++next;
  }
}

Versus against(const Contender& contender, const Baseline& baseline, double confidence) {
  Versus out;
  out.baseline = baseline.name;
  const double slower = contender.milliseconds_per_step / baseline.milliseconds_per_step;
  std::vector<double> train, test, train_time, test_time;
  for (size_t seed = 0; seed < contender.runs.size(); ++seed) {
    const bool diverged = contender.runs[seed].diverged();
    out.train.push_back(speed_up(baseline.train[seed], contender.train[seed], diverged));
    out.test.push_back(speed_up(baseline.test[seed], contender.test[seed], diverged));
    train.push_back(out.train.back().ratio);
    test.push_back(out.test.back().ratio);
    train_time.push_back(train.back() / slower);
    test_time.push_back(test.back() / slower);
  }
  out.train_steps = geometric_bounds(train, confidence);
  out.test_steps = geometric_bounds(test, confidence);
  out.train_time = geometric_bounds(train_time, confidence);
  out.test_time = geometric_bounds(test_time, confidence);
  return out;
}

// The tasks' own bounds need the same seeds; here task by task the mean over its seeds is one value per seed position.
Bounds mean_over_tasks(const std::vector<const Versus*>& tasks, const std::vector<double>& slower,
                       std::vector<SpeedUp> Versus::*ratios, double confidence) {
  size_t seeds = (tasks.front()->*ratios).size();
  for (const Versus* task : tasks) seeds = std::min(seeds, (task->*ratios).size());
  bool equal = true;
  for (const Versus* task : tasks) equal = equal && (task->*ratios).size() == seeds;
  // Tasks with unequal numbers of seeds: each counts by its mean over its seeds, and there is no interval.
  std::vector<double> values;
  for (size_t seed = 0; seed < (equal ? seeds : 1); ++seed) {
    double sum = 0;
    for (size_t i = 0; i < tasks.size(); ++i) {
      const std::vector<SpeedUp>& all = tasks[i]->*ratios;
      double task = 0;
      if (equal) {
        task = std::log(all[seed].ratio);
      } else {
        for (const SpeedUp& one : all) task += std::log(one.ratio) / static_cast<double>(all.size());
      }
      sum += task - std::log(slower[i]);
    }
    values.push_back(std::exp(sum / static_cast<double>(tasks.size())));
  }
  return geometric_bounds(values, confidence);
}

bool all_reached(const std::vector<const Versus*>& tasks, std::vector<SpeedUp> Versus::*ratios) {
  return std::all_of(tasks.begin(), tasks.end(), [&](const Versus* task) {
    const std::vector<SpeedUp>& seeds = task->*ratios;
    return std::all_of(seeds.begin(), seeds.end(), [](const SpeedUp& seed) { return seed.reached; });
  });
}

std::vector<GroupMean> group_means(const std::vector<TaskComparison>& tasks, const CompareConfig& config) {
  std::vector<std::string> groups;
  for (const TaskComparison& task : tasks)
    if (std::find(groups.begin(), groups.end(), task.task.group) == groups.end()) groups.push_back(task.task.group);
  std::vector<GroupMean> out;
  for (const std::string& group : groups)
    for (size_t optimizer = 0; optimizer < config.optimizers.size(); ++optimizer) {
      std::vector<std::string> names;  // in the order of their first appearance
      std::map<std::string, std::vector<const Versus*>> versus;
      std::map<std::string, std::vector<double>> slower;
      for (const TaskComparison& task : tasks) {
        if (task.task.group != group) continue;
        const Contender& contender = task.optimizers[optimizer];
        for (size_t i = 0; i < contender.against.size(); ++i) {
          const Versus& one = contender.against[i];
          if (std::find(names.begin(), names.end(), one.baseline) == names.end()) names.push_back(one.baseline);
          versus[one.baseline].push_back(&one);
          slower[one.baseline].push_back(contender.milliseconds_per_step / task.baselines[i].milliseconds_per_step);
        }
      }
      for (const std::string& name : names) {
        const std::vector<const Versus*>& all = versus[name];
        const std::vector<double> same(all.size(), 1.0);
        out.push_back({group, config.optimizers[optimizer], name, all.size(),
                       mean_over_tasks(all, same, &Versus::train, config.confidence),
                       mean_over_tasks(all, slower[name], &Versus::train, config.confidence),
                       mean_over_tasks(all, same, &Versus::test, config.confidence),
                       mean_over_tasks(all, slower[name], &Versus::test, config.confidence),
                       all_reached(all, &Versus::train), all_reached(all, &Versus::test)});
      }
    }
  return out;
}

// The one rate becomes a baseline of every task, and a run where a task's grid lacks it.
void add_one_rate(CompareResult& out, const RecordCache& cache, const RunJobsOptions& options) {
  const std::string& optimizer = out.config.baseline;
  out.one_rate = best_rate_of_group(out.tasks, out.config.one_rate_of, optimizer);
  const auto is_it = [&](const Setting& setting) {
    return setting.optimizer == optimizer && setting.schedule == "constant" && setting.rate == out.one_rate;
  };
  Plan plan;
  for (TaskComparison& task : out.tasks) {
    if (std::any_of(task.settings.begin(), task.settings.end(), is_it)) continue;
    task.settings.push_back({.optimizer = optimizer, .rate = out.one_rate, .schedule = "constant", .in_grid = false});
    plan_setting(plan, task.task, task.settings.back(), out.config.smoothing);
  }
  plan.run(cache, options);
  for (TaskComparison& task : out.tasks) {
    const Setting& setting = *std::find_if(task.settings.begin(), task.settings.end(), is_it);
    task.baselines.push_back(
        {optimizer + ", one rate of " + out.config.one_rate_of, setting.name(), setting.train, setting.test, 0});
  }
}

}  // namespace

Statistic statistic(const std::vector<RunRecord>& runs, double TrainResult::*value) {
  Statistic out;
  const auto count = static_cast<double>(runs.size());
  for (const RunRecord& run : runs) out.mean += run.result.*value / count;
  for (const RunRecord& run : runs) out.deviation += (run.result.*value - out.mean) * (run.result.*value - out.mean);
  out.deviation = runs.size() > 1 ? std::sqrt(out.deviation / (count - 1)) : 0;
  return out;
}

int64_t Contender::diverged() const {
  return std::count_if(runs.begin(), runs.end(), [](const RunRecord& run) { return run.diverged(); });
}

double best_rate_of_group(const std::vector<TaskComparison>& tasks, const std::string& group,
                          const std::string& optimizer) {
  std::map<double, std::pair<size_t, double>> rates;  // tasks that tried it, sum of log excess
  size_t count = 0;
  for (const TaskComparison& task : tasks) {
    if (task.task.group != group) continue;
    ++count;
    const Setting* best = best_setting(task.settings, optimizer, "constant");
    if (best == nullptr) continue;
    for (const Setting& setting : task.settings) {
      if (setting.optimizer != optimizer || setting.schedule != "constant" || !std::isfinite(setting.score)) continue;
      auto& [tried, excess] = rates[setting.rate];
      ++tried;
      excess += std::log(setting.score / best->score);
    }
  }
  double rate = 0, lowest = 0;
  for (const auto& [candidate, value] : rates)
    if (value.first == count && (rate == 0 || value.second < lowest)) {
      rate = candidate;
      lowest = value.second;
    }
  if (rate == 0)
    throw Error("compare", "no constant rate of '" + optimizer + "' was tried on every task of the group '" + group +
                               "' without diverging. Give its tasks common rates in compare.sweep.rates.");
  return rate;
}

CompareResult compare(const CompareConfig& config, const std::vector<CompareTask>& tasks,
                      const RunJobsOptions& options) {
  const RecordCache cache(config.cache);
  CompareResult out;
  out.config = config;
  for (const CompareTask& task : tasks) {
    TaskComparison one;
    one.task = task;
    one.config = config_of_run(task.document, task.file, config.optimizers.front(), task.seeds.front());
    for (const std::string& name : config.optimizers) one.optimizers.push_back({.name = name});
    if (config.sweep) one.settings = settings_of(*config.sweep, task.rates, task.document, task.file);
    out.tasks.push_back(std::move(one));
  }
  Plan plan;
  for (TaskComparison& task : out.tasks) {
    for (Contender& contender : task.optimizers) plan_contender(plan, task.task, contender, config.smoothing);
    for (Setting& setting : task.settings) plan_setting(plan, task.task, setting, config.smoothing);
  }
  plan.run(cache, options);
  if (config.sweep)
    for (TaskComparison& task : out.tasks) add_baselines(task, config);
  if (!config.one_rate_of.empty()) add_one_rate(out, cache, options);
  for (TaskComparison& task : out.tasks) {
    add_times(task, config);
    for (Contender& contender : task.optimizers)
      for (const Baseline& baseline : task.baselines)
        contender.against.push_back(against(contender, baseline, config.confidence));
  }
  if (!config.tasks.empty() && config.sweep) out.groups = group_means(out.tasks, config);
  return out;
}

}  // namespace nfopt
