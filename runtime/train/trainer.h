#pragma once

#include <nfopt/nflayers/spec/error.h>
#include <nfopt/nflayers/spec/export.h>
#include <nfopt/runtime/io/metrics_log.h>
#include <nfopt/runtime/tasks/task.h>
#include <nfopt/runtime/train/callback.h>
#include <nfopt/runtime/train/checkpoint.h>
#include <nfopt/runtime/train/metrics_window.h>
#include <nfopt/runtime/train/train_config.h>
#include <nfopt/runtime/train/training_optimizer.h>

#include <chrono>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace nfopt {

/// How a run ended.
struct TrainResult {
  bool finished = false;               ///< false: stopped before its end, to be resumed
  std::optional<int64_t> diverged_at;  ///< the step of a run that a comparison contained
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

/// A loss, a gradient or a parameter was not finite under `on_non_finite: stop`.
class NFOPT_API Diverged : public Error {
 public:
  Diverged(int64_t step, const std::string& message) : Error("train", message), step_(step), message_(message) {}
  int64_t step() const { return step_; }
  const std::string& message() const { return message_; }  ///< without the component

 private:
  int64_t step_;
  std::string message_;
};

/// Columns of a run's metrics.
NFOPT_API const std::vector<std::string>& metrics_columns();

/// The data of a config: loaded once, they serve many runs, side by side too.
NFOPT_API Dataset load_data(const TrainConfig& config);

/// One run in memory: network, data order, optimizer, and the rows recorded so far. What becomes of them (files, bars,
/// checkpoints) is the callbacks' business.
class NFOPT_API Trainer {
 public:
  /// Throws Error when architecture, data, optimizer and device do not fit each other.
  explicit Trainer(TrainConfig config);
  Trainer(TrainConfig config, const Dataset& data);
  Trainer(const Trainer&) = delete;
  Trainer& operator=(const Trainer&) = delete;

  /// Steps until the last one or until a callback ends the run. Throws Diverged as `on_non_finite` says.
  TrainResult run(const Callbacks& callbacks);
  /// One step alone: no row, no callback.
  void advance();
  /// The state after checkpoint.step steps, and the rows up to there.
  Checkpoint checkpoint() const;
  void restore(const Checkpoint& checkpoint, std::vector<MetricsRow> rows);

  const TrainConfig& config() const { return config_; }
  const Task& task() const { return task_; }
  /// The network at the present step. Shared with the run: not to be changed.
  const Members& members() const { return members_; }
  int64_t step() const { return step_; }
  int64_t first_step() const { return first_step_; }  ///< where this process began
  /// Whether something that happens every so many steps, and at the last one, happens at this step.
  bool due(int64_t every) const { return step_ % every == 0 || step_ == config_.steps; }

  /// Everything recorded through this step (metrics_columns), every config().log_every and evaluate_every steps.
  const std::vector<MetricsRow>& rows() const { return rows_; }
  bool recorded() const { return recorded_; }  ///< rows().back() is of this step
  double train_loss() const;                   ///< of the last row that has one; NaN before
  double test_accuracy() const;

  double seconds() const;                                ///< since `run` began
  double step_seconds() const { return step_seconds_; }  ///< of all steps of this process: forward, backward, update
  int64_t parameters() const { return parameters_.numel(); }
  std::string optimizer() const { return optimizer_->summary(); }

 private:
  void record();
  bool contained(int64_t number, const std::string& problem);
  double last_of(size_t column) const;
  double mean_loss_of_the_end() const;
  void notice(const std::string& text) const;

  TrainConfig config_;
  Rng rng_;
  Task task_;
  Batches batches_;
  Members members_;
  NamedTensors parameters_;
  std::unique_ptr<TrainingOptimizer> optimizer_;
  MetricsWindow window_;
  std::vector<MetricsRow> rows_;
  bool recorded_ = false;
  int64_t step_ = 0;
  int64_t first_step_ = 0;
  double step_seconds_ = 0;
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
  const Callbacks* callbacks_ = nullptr;  ///< while `run` runs: who hears notices
};

}  // namespace nfopt
