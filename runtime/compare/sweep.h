#pragma once

#include <nfopt/nflayers/spec/export.h>
#include <nfopt/runtime/compare/curve.h>
#include <nfopt/runtime/compare/run_record.h>
#include <nfopt/runtime/train/train_config.h>

#include <optional>
#include <string>
#include <vector>

namespace nfopt {

/// One learning rate and schedule of a swept optimizer, with its runs.
struct NFOPT_API Setting {
  std::string optimizer;
  double rate = 0;
  std::string schedule;  ///< constant | cosine
  bool in_grid = true;   ///< false: added as a baseline, not a candidate of the tuning

  std::vector<RunRecord> runs = {};  ///< in the order of the seeds
  std::vector<Curve> train = {};     ///< smoothed training loss
  std::vector<Curve> test = {};      ///< smoothed test loss
  /// The mean over the seeds of the lowest smoothed training loss; infinity when a seed diverged.
  double score = 0;

  std::string name() const;  ///< "adam 0.01 cosine"
  /// Takes the runs and fills in the rest.
  void evaluate(std::vector<RunRecord> runs, const Smoothing& smoothing);
};

/// The settings to try, in the order optimizers, schedules, rates.
NFOPT_API std::vector<Setting> settings_of(const SweepConfig& sweep, const std::vector<double>& rates,
                                           const YamlValue& document, const std::string& file);

/// The config of one of its runs: `base` is that of its optimizer and seed.
NFOPT_API TrainConfig config_of(const Setting& setting, TrainConfig base);

/// The best single run: the setting of the grid with the lowest score. `schedule` empty: any. nullptr when all of them
/// diverged.
NFOPT_API const Setting* best_setting(const std::vector<Setting>& settings, const std::string& optimizer,
                                      const std::string& schedule = "");

/// Says so when the best rate is the lowest or highest that was tried: then a wider grid may hold a better one.
NFOPT_API std::optional<std::string> edge_of_grid(const std::vector<Setting>& settings, const Setting& best);

}  // namespace nfopt
