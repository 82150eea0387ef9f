#pragma once

#include <nfopt/nflayers/spec/export.h>
#include <nfopt/runtime/io/metrics_log.h>
#include <nfopt/runtime/train/run_folder.h>
#include <nfopt/runtime/train/train_config.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <string>

namespace nfopt {

enum class Flow : uint8_t { kContinue, kStop };

/// What a callback sees after a step.
struct StepReport {
  int64_t step = 0;  ///< steps done
  int64_t total = 0;
  double train_loss = std::numeric_limits<double>::quiet_NaN();     ///< of the last row of the metrics
  double test_accuracy = std::numeric_limits<double>::quiet_NaN();  ///< of the last evaluation
};

/// Watches a run, and may end it: kStop saves a checkpoint, as Ctrl-C does. Missing pieces do nothing.
struct TrainCallbacks {
  std::function<void(const std::string& text)> on_notice = {};
  std::function<void(const StepReport&)> on_begin = {};
  std::function<Flow(const StepReport&)> on_step = {};
  std::function<void(const StepReport&)> on_end = {};
};

/// How a run ended.
struct TrainResult {
  bool finished = false;  ///< false: stopped early, to be resumed
  int64_t first_step = 0;
  int64_t step = 0;
  double train_loss = std::numeric_limits<double>::quiet_NaN();      ///< mean over the last tenth, at least 200 steps
  double train_set_loss = std::numeric_limits<double>::quiet_NaN();  ///< over all training examples, at the end
  double train_set_accuracy = std::numeric_limits<double>::quiet_NaN();
  double test_loss = std::numeric_limits<double>::quiet_NaN();
  double test_accuracy = std::numeric_limits<double>::quiet_NaN();
  double seconds = 0;                ///< of this process, evaluations and files included
  double milliseconds_per_step = 0;  ///< forward, backward and update alone
  int64_t parameters = 0;
  std::string optimizer;  ///< one line
};

/// Columns of a run's metrics.
NFOPT_API const std::vector<std::string>& metrics_columns();

/// Trains one network as configured, in `folder`. Every number depends on the config alone: batches and initial values
/// are functions of (seed, step), checkpoints hold the rest, so that a run that was killed and resumed equals one that
/// was not, bit for bit at the same thread count on the CPU.
///
/// Nothing is written before architecture, data and optimizer have been found to fit.
/// Throws Error for an architecture or data that do not fit, a device that is missing, a full disk, and, as
/// `on_non_finite` says, numbers that are not finite.
NFOPT_API TrainResult train(const TrainConfig& config, const std::filesystem::path& folder, RunFolder::Mode mode,
                            const TrainCallbacks& callbacks = {});

}  // namespace nfopt
