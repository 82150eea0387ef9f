#pragma once

#include <nfopt/nflayers/spec/export.h>
#include <nfopt/runtime/io/yaml_reader.h>
#include <nfopt/runtime/plugin/options.h>
#include <nfopt/runtime/tasks/dataset.h>
#include <nfopt/runtime/train/compare_config.h>
#include <nfopt/runtime/train/early_stop.h>
#include <nfopt/runtime/train/optimizer_config.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace nfopt {

/// What happens when a loss, a gradient or an updated parameter is not finite.
enum class OnNonFinite : uint8_t {
  stop,  ///< the run ends with an Error that names the parameter; the last checkpoint stays
  skip   ///< the step is left out, parameters and optimizer stay as they were, and a notice is printed
};

/// One training run, complete: everything that decides its numbers.
struct NFOPT_API TrainConfig {
  std::string name;
  int64_t seed = 0;
  std::string device = "cpu";     ///< cpu | cuda
  std::string dtype = "float32";  ///< float32 | float64
  int64_t threads = 1;            ///< LibTorch's threads within one operation

  std::vector<std::string> plugins;  ///< folders searched for architectures before the standard ones
  std::string architecture;
  std::map<std::string, OptionValue> architecture_options;

  DataOptions data;
  int64_t train_examples = 0;  ///< the first so many; 0: all
  int64_t test_examples = 0;

  std::string loss = "cross_entropy";
  int64_t batch_size = 128;
  int64_t steps = 0;
  OptimizerConfig optimizer;
  OnNonFinite on_non_finite = OnNonFinite::stop;
  std::optional<EarlyStopConfig> early_stop;

  int64_t log_every = 10;        ///< steps per row of the metrics
  int64_t evaluate_every = 200;  ///< steps per evaluation on the test examples; also at the beginning and the end
  int64_t checkpoint_every = 200;
  int64_t checkpoint_keep = 2;
};

/// A config file after `--set` overrides, in order. Throws Error for what is not YAML or no assignment.
NFOPT_API YamlValue load_config(const std::filesystem::path& file, const std::vector<std::string>& overrides);

/// Reads all of a config. Throws one Error that lists every problem with file, line and column.
NFOPT_API TrainConfig read_train_config(const YamlValue& document, const std::string& file);

/// The section `compare` of the config; what it leaves out: the config's own optimizer and seed.
NFOPT_API CompareConfig read_compare_config(const YamlValue& document, const std::string& file);

/// The resolved config: no defaults left open, no presets referred to. Reading it gives an equal config, so that the
/// file in a run's folder reproduces the run.
NFOPT_API YamlValue to_yaml_value(const TrainConfig& config);

/// Keys in which two resolved configs differ, "optimizer.lr (0.1, now 0.2)".
NFOPT_API std::vector<std::string> differences(const YamlValue& before, const YamlValue& now,
                                               const std::string& path = "");

}  // namespace nfopt
