#pragma once

#include <nfopt/nflayers/spec/export.h>
#include <nfopt/runtime/io/yaml_reader.h>
#include <nfopt/runtime/train/lr_schedule.h>

#include <string>
#include <vector>

namespace nfopt {

/// Which optimizer trains, with every setting. Two kinds: LibTorch's own (`sgd`, `sgdm`, `adam`, `adamw`) and learned
/// rules (a preset such as `unf`, as published, or a file of meta-trained parameters).
struct NFOPT_API OptimizerConfig {
  std::string name;  ///< what runs and plots call it
  std::string rule;  ///< sgd, sgdm, adam, adamw or a learned preset; empty: the one named in `theta`
  double lr = 0;
  double weight_decay = 0;
  LrSchedule schedule;  ///< of `lr`: keys `lr_schedule` (constant | cosine) and `warmup` (steps)

  double momentum = 0;    ///< sgdm
  double dampening = 0;   ///< sgdm
  bool nesterov = false;  ///< sgdm
  double beta1 = 0.9;     ///< adam, adamw
  double beta2 = 0.999;   ///< adam, adamw
  double epsilon = 1e-8;  ///< adam, adamw

  std::string theta;  ///< learned rules: safetensors file; empty: the published initial values, drawn from the seed

  bool learned() const;
};

/// Everything `optimizer: sgdm` may name: the config's own presets, the built-in rules, the learned presets.
NFOPT_API std::vector<std::string> optimizer_names(const YamlValue& presets);

/// Reads `optimizer: NAME` or `optimizer: {name: NAME, lr: .., ..}`. Settings that are not given come from the map
/// `optimizers.NAME` of the config (its `rule` says what it is a preset of), then from the rule's defaults. A name
/// ending in .safetensors is a file of meta-trained parameters. Problems are added, never thrown.
NFOPT_API OptimizerConfig read_optimizer(const YamlValue& value, const YamlValue& presets, YamlProblems& problems);

/// With every setting that the rule has: reading it back needs no presets.
NFOPT_API YamlValue to_yaml_value(const OptimizerConfig& config);

}  // namespace nfopt
