#pragma once

#include <nfopt/nflayers/spec/export.h>
#include <nfopt/runtime/train/train_config.h>
#include <nfopt/runtime/train/trainer.h>

#include <filesystem>
#include <string>
#include <vector>

namespace nfopt {

/// Draws loss.svg and accuracy.svg of a run's folder from its metrics. Returns the files.
NFOPT_API std::vector<std::filesystem::path> write_train_plots(const TrainConfig& config,
                                                               const std::filesystem::path& folder);

/// Writes summary.json: results, versions, threads, times.
NFOPT_API std::filesystem::path write_train_summary(const TrainConfig& config, const TrainResult& result,
                                                    const std::filesystem::path& folder);

/// What tells the contents of theta files apart; "" for an optimizer without one, "missing" when it cannot be read.
NFOPT_API std::string theta_fingerprint(const OptimizerConfig& config);

/// The table at the end of a run.
NFOPT_API std::string summary_table(const TrainConfig& config, const TrainResult& result,
                                    const std::filesystem::path& folder);

}  // namespace nfopt
