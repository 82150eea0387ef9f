#pragma once

#include <nfopt/nflayers/spec/export.h>
#include <nfopt/runtime/train/train_config.h>
#include <nfopt/runtime/train/trainer.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace nfopt {

/// One optimizer over all seeds: what `compare` tells about it. Means and standard deviations (n - 1) over the seeds.
struct ComparedOptimizer {
  struct Statistic {
    double mean = 0;
    double deviation = 0;  ///< 0 for a single seed
  };
  std::string name;
  std::vector<TrainResult> runs;  ///< in the order of the seeds
  Statistic train_loss;
  Statistic train_set_loss;
  Statistic test_loss;
  Statistic test_accuracy;
  Statistic milliseconds_per_step;
};

/// The config of one run of a comparison.
NFOPT_API TrainConfig config_of_run(const YamlValue& document, const std::string& file, const std::string& optimizer,
                                    int64_t seed);

/// The folder of one run within that of the comparison: <optimizer>-seed<k>.
NFOPT_API std::filesystem::path folder_of_run(const std::filesystem::path& folder, const TrainConfig& config);

/// What an earlier process found, when `folder` holds a finished run of exactly this config.
NFOPT_API std::optional<TrainResult> finished_run(const TrainConfig& config, const std::filesystem::path& folder);

NFOPT_API ComparedOptimizer summarize(const std::string& optimizer, std::vector<TrainResult> runs);

/// The table, best training loss first.
NFOPT_API std::string comparison_table(const std::vector<ComparedOptimizer>& optimizers);

/// Writes compare.json and compare.svg (smoothed training loss over steps, the range over the seeds as a band).
NFOPT_API void write_comparison(const std::vector<ComparedOptimizer>& optimizers, const YamlValue& document,
                                const std::string& file, const CompareConfig& config,
                                const std::filesystem::path& folder);

}  // namespace nfopt
