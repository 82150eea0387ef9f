#pragma once

#include <ATen/core/Tensor.h>
#include <nfopt/runtime/io/metrics_log.h>
#include <nfopt/runtime/io/tensorboard_events.h>
#include <nfopt/runtime/meta/estimator.h>
#include <nfopt/runtime/meta/meta_evaluation.h>
#include <nfopt/runtime/meta/meta_train_config.h>
#include <nfopt/runtime/meta/outer_adam.h>

#include <cstdint>
#include <filesystem>
#include <limits>
#include <optional>
#include <string>
#include <vector>

namespace nfopt {

/// Columns of a meta-training run's metrics.
NFOPT_API std::vector<std::string> meta_metrics_columns(const MetaTrainConfig& config);

/// What outer steps have given since the last row of the metrics, and the files of the rows on rank 0.
class NFOPT_API MetaMetrics {
 public:
  explicit MetaMetrics(const MetaTrainConfig& config) : config_(&config) {}

  /// Rank 0: rows go to metrics.jsonl, metrics.csv and a TensorBoard file; -1 begins anew.
  void open(const std::filesystem::path& folder, int64_t last_step);

  void add(const MetaGradient& gradient, const OuterStep& outer);
  /// One row after `step` outer steps; `evaluation` where there was one. On other ranks it only begins the next row.
  /// `speed`, inner steps per second, goes to TensorBoard alone: equal runs have equal metrics files.
  void write(int64_t step, int64_t inner_steps, const MetaEvaluation* evaluation, double speed);
  void sync();

  /// The meta-loss of the last row.
  double loss() const { return loss_; }

  /// Sums since the last row and the last loss, for a checkpoint.
  at::Tensor state() const;
  void load_state(const at::Tensor& state);

 private:
  struct Sums {
    double loss = 0, gradient_norm = 0, steps = 0, finished = 0, diverged = 0, dropped = 0;
  };

  const MetaTrainConfig* config_;
  std::filesystem::path folder_;
  std::optional<MetricsLog> log_;
  std::optional<TensorBoardEvents> events_;
  std::optional<int64_t> events_from_;
  Sums sums_;
  double learning_rate_ = 0;
  double loss_ = std::numeric_limits<double>::quiet_NaN();
};

}  // namespace nfopt
