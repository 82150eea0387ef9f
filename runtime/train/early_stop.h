#pragma once

#include <nfopt/runtime/io/yaml_reader.h>
#include <nfopt/runtime/train/callback.h>

#include <cstdint>
#include <limits>
#include <string>

namespace nfopt {

/// `early_stop: {metric: test_loss, patience: 5, min_delta: 0.001}`
struct NFOPT_API EarlyStopConfig {
  std::string metric = "test_loss";  ///< a column of the metrics; losses are to fall, accuracies to rise
  int64_t patience = 5;              ///< measurements in a row that are no better than the best before them
  double min_delta = 0;              ///< better by more than this counts
};

NFOPT_API EarlyStopConfig read_early_stop(YamlMap map);
NFOPT_API YamlValue to_yaml_value(const EarlyStopConfig& config);

/// Finishes a run whose metric has not improved for `patience` measurements. Depends on the rows of the metrics alone,
/// so that a resumed run ends where an uninterrupted one does.
class NFOPT_API EarlyStop final : public Callback {
 public:
  explicit EarlyStop(EarlyStopConfig config) : config_(std::move(config)) {}

  Flow on_begin(const Trainer& run) override;
  Flow on_step(const Trainer& run) override;

 private:
  Flow add(double value);

  EarlyStopConfig config_;
  double best_ = std::numeric_limits<double>::infinity();  ///< of the loss, or of minus the accuracy
  int64_t no_better_ = 0;
};

}  // namespace nfopt
