#pragma once

#include <nfopt/runtime/train/callback.h>

#include <filesystem>
#include <memory>

namespace nfopt {

class MetricsLog;

/// Writes metrics.jsonl and metrics.csv (runtime/io/metrics_log.h). Comes before the checkpoints: when one is saved, the
/// rows up to it are on the disk.
class NFOPT_API MetricsFiles final : public Callback {
 public:
  explicit MetricsFiles(std::filesystem::path folder);
  ~MetricsFiles() override;

  Flow on_begin(const Trainer& run) override;
  Flow on_step(const Trainer& run) override;
  void on_end(const Trainer& run, TrainResult& result) override;

 private:
  std::filesystem::path folder_;
  std::unique_ptr<MetricsLog> log_;
};

}  // namespace nfopt
