#pragma once

#include <nfopt/nflayers/spec/export.h>
#include <nfopt/runtime/io/metrics_log.h>
#include <nfopt/runtime/train/trainer.h>

#include <filesystem>
#include <optional>
#include <vector>

namespace nfopt {

/// What a comparison keeps of one run.
struct RunRecord {
  std::vector<MetricsRow> rows = {};  ///< metrics_columns(), up to where it diverged
  TrainResult result = {};

  bool diverged() const { return result.diverged_at.has_value(); }
};

/// What an earlier process found, when `folder` holds a run of exactly this config (and theta file) that has ended.
NFOPT_API std::optional<RunRecord> finished_run(const TrainConfig& config, const std::filesystem::path& folder);

}  // namespace nfopt
