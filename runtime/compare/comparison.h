#pragma once

#include <nfopt/nflayers/spec/export.h>
#include <nfopt/runtime/compare/compare_task.h>
#include <nfopt/runtime/compare/run_jobs.h>
#include <nfopt/runtime/compare/speed_up.h>
#include <nfopt/runtime/compare/sweep.h>

#include <filesystem>
#include <string>
#include <vector>

namespace nfopt {

/// Mean and standard deviation (n - 1) over the seeds.
struct Statistic {
  double mean = 0;
  double deviation = 0;  ///< 0 for a single seed
};
NFOPT_API Statistic statistic(const std::vector<RunRecord>& runs, double TrainResult::*value);

/// What runs are measured against on one task.
struct Baseline {
  std::string name;          ///< "adam, best single run"
  std::string setting;       ///< "adam 0.01 cosine", "30 settings"
  std::vector<Curve> train;  ///< smoothed, in the order of the seeds
  std::vector<Curve> test;   ///< smoothed
  double milliseconds_per_step = 0;
  bool envelope = false;  ///< no run, but at every step the lowest of all settings
};

/// One optimizer against one baseline. Per seed, on the same initial values and batches; means are geometric.
struct Versus {
  std::string baseline;
  std::vector<SpeedUp> train;
  std::vector<SpeedUp> test;
  Bounds train_steps;
  Bounds test_steps;
  Bounds train_time;  ///< steps times milliseconds per step
  Bounds test_time;
};

/// One of `compare.optimizers` on one task, or a swept optimizer at its best setting.
struct NFOPT_API Contender {
  std::string name;
  std::vector<RunRecord> runs = {};
  std::vector<std::filesystem::path> folders = {};  ///< empty: in the cache
  std::vector<Curve> train = {};                    ///< smoothed
  std::vector<Curve> test = {};
  double milliseconds_per_step = 0;  ///< measured in turn with the others (step_timing.h)
  std::vector<Versus> against = {};

  int64_t diverged() const;
};

struct TaskComparison {
  CompareTask task;
  TrainConfig config;  ///< of its first run
  std::vector<Contender> optimizers;
  std::vector<Contender> tuned;  ///< the best single run of every swept optimizer
  std::vector<Setting> settings;
  std::vector<Baseline> baselines;
  std::vector<std::string> notices;
};

/// The geometric mean over the tasks of a group, with an interval over the seeds they share.
struct GroupMean {
  std::string group;
  std::string optimizer;
  std::string baseline;
  size_t tasks = 0;
  Bounds train_steps;
  Bounds train_time;
  Bounds test_steps;
  Bounds test_time;
  bool train_reached = true;  ///< false: a run did not get to the baseline's best loss, the mean is an upper bound
  bool test_reached = true;
};

/// Everything that a comparison found.
struct CompareResult {
  CompareConfig config;
  std::vector<TaskComparison> tasks;
  std::vector<GroupMean> groups;
  double one_rate = 0;  ///< 0: none asked for
};

/// Runs what is missing and evaluates everything (docs/evaluation.md has every definition).
NFOPT_API CompareResult compare(const CompareConfig& config, const std::vector<CompareTask>& tasks,
                                const RunJobsOptions& options);

/// The one rate of the baseline, constant schedule, that is best on the tasks of a group: the lowest mean over the tasks
/// of log(score / lowest score of that task). Only rates that every one of them tried, and on which none diverged.
/// Throws Error when there is none.
NFOPT_API double best_rate_of_group(const std::vector<TaskComparison>& tasks, const std::string& group,
                                    const std::string& optimizer);

}  // namespace nfopt
