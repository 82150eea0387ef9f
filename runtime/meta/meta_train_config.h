#pragma once

#include <nfopt/nflayers/spec/export.h>
#include <nfopt/runtime/io/yaml_reader.h>
#include <nfopt/runtime/meta/estimator.h>
#include <nfopt/runtime/meta/outer_adam.h>
#include <nfopt/runtime/optimizers/clipped_momentum_start.h>
#include <nfopt/runtime/optimizers/context_description.h>
#include <nfopt/runtime/tasks/task_family.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace nfopt {

/// A task family with its share of the particles.
struct MetaFamilyConfig {
  TaskFamilyOptions options;
  int64_t particles = 16;
  int64_t particles_per_chunk = 0;  ///< 0: chosen by Population
};

/// One meta-training run, complete: everything that decides its numbers.
struct NFOPT_API MetaTrainConfig {
  std::string name;
  int64_t seed = 0;
  std::string dtype = "float32";  ///< of the inner training; theta is kept in float64
  int64_t threads = 0;            ///< 0: one per core. Changes no bit
  std::vector<std::string> plugins;
  std::string licence;  ///< of the meta-parameters, for the exported files
  std::string note;     ///< copied into their training record, e.g. a commit

  std::string rule;                           ///< a preset (rule_presets.h)
  std::optional<ContextDescription> context;  ///< constants of the rule `context`; nothing: the default ones
  std::string theta;  ///< file to start from, also beside the config; empty: the published start
  std::optional<ClippedMomentumStart> clipped_momentum;  ///< instead of the published start
  std::vector<std::pair<std::string, double>> init;      ///< start values by meta-parameter, as stored; after the above

  std::vector<MetaFamilyConfig> families;
  EstimatorOptions estimator;
  bool random_offsets = true;

  int64_t outer_steps = 0;
  OuterAdamOptions outer;

  int64_t evaluate_every = 500;  ///< outer steps; also at the beginning and the end. 0: never
  int64_t evaluation_seed = 0;
  int64_t evaluation_tasks = 8;                        ///< per family
  int64_t evaluation_steps = 0;                        ///< 0: each task's horizon
  std::vector<TaskFamilyOptions> evaluation_families;  ///< as resolved: those trained on (other draws) unless given

  int64_t log_every = 10;
  int64_t checkpoint_every = 100;
  int64_t checkpoint_keep = 2;

  int64_t piece_steps = 0;   ///< outer steps of this process; 0: all
  double piece_seconds = 0;  ///< ends the piece after the step in which so many have passed; 0: no limit
  double rank_timeout = 60;  ///< seconds
  double meeting_timeout = 60;
};

/// Reads all of a config. Throws one Error that lists every problem with file, line and column.
NFOPT_API MetaTrainConfig read_meta_train_config(const YamlValue& document, const std::string& file);

/// The resolved config: reading it gives an equal one.
NFOPT_API YamlValue to_yaml_value(const MetaTrainConfig& config);

}  // namespace nfopt
