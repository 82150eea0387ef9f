#pragma once

#include <nfopt/nflayers/spec/export.h>
#include <nfopt/runtime/io/yaml_reader.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace nfopt {

/// How noisy curves become smooth ones, in units of steps, whatever the distance of the rows.
struct NFOPT_API Smoothing {
  enum class Kind : uint8_t {
    ema,    ///< exponential moving average: a value `n` steps old weighs decay^n, start-up corrected
    window  ///< mean over the last `steps` steps
  };
  Kind kind = Kind::ema;
  double decay = 0.98;
  int64_t steps = 100;
};

/// Which learning rates of which optimizers are tried.
struct NFOPT_API SweepConfig {
  std::vector<std::string> optimizers;
  std::vector<double> rates;  ///< empty: 15 log-spaced ones, of each optimizer's usual range (default_rates)
  std::vector<std::string> schedules = {"constant", "cosine"};
};

/// One task of a comparison as it is written: a config file, overrides of it, or overrides of the comparison's own.
struct NFOPT_API CompareTaskConfig {
  std::string name;
  std::string group = "tasks";         ///< geometric means are told per group
  std::string config;                  ///< a file, relative to the comparison's; empty: the comparison's own config
  std::vector<std::string> overrides;  ///< "steps=6000", as after --set
  std::vector<int64_t> seeds;          ///< empty: those of the comparison
  std::vector<double> rates;           ///< empty: those of the sweep
  std::string place;                   ///< where it is written
};

/// The section `compare`: the same task with every optimizer and seed, and what they are measured against.
struct NFOPT_API CompareConfig {
  std::vector<std::string> optimizers;
  std::vector<int64_t> seeds;
  int64_t threads = 0;  ///< runs side by side; 0: one per core
  std::filesystem::path cache = "runs/compare-cache";
  Smoothing smoothing;
  double confidence = 0.95;
  std::optional<SweepConfig> sweep;
  std::string baseline;                  ///< one of sweep.optimizers
  std::vector<CompareTaskConfig> tasks;  ///< empty: the config's own task alone
  std::string one_rate_of;  ///< a group: the baseline's one rate that is best there is a baseline everywhere
};

/// Reads the section; optimizers are checked against `presets` (the config's `optimizers`). Problems are added.
NFOPT_API CompareConfig read_compare_section(YamlMap map, const YamlValue& presets, YamlProblems& problems);

/// `count` values from low to high in equal ratios, each rounded to four digits.
NFOPT_API std::vector<double> log_spaced(double low, double high, int64_t count);

/// 15 rates, four per decade: 1e-4 .. 0.3162 for adam and adamw, 1e-3 .. 3.162 for sgd and sgdm.
NFOPT_API std::vector<double> default_rates(const std::string& rule);

}  // namespace nfopt
