#pragma once

#include <nfopt/nflayers/spec/export.h>
#include <nfopt/runtime/io/yaml_reader.h>
#include <nfopt/runtime/plugin/options.h>
#include <nfopt/runtime/tasks/dataset.h>
#include <nfopt/runtime/zoo/hyper_parameters.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace nfopt {

/// A population of trained networks, complete: everything that decides its numbers.
struct NFOPT_API ZooConfig {
  std::string name;
  int64_t seed = 0;
  std::string dtype = "float32";
  int64_t threads = 0;               ///< chunks trained side by side; 0: one per core. Changes no bit
  std::vector<std::string> plugins;  ///< folders searched for architectures before the standard ones

  int64_t networks = 0;
  int64_t networks_per_chunk = 16;  ///< trained as one population and saved together

  std::string architecture;
  std::map<std::string, OptionValue> architecture_options;
  FashionMnistOptions data;
  HyperParameterRanges draw;

  int64_t train_examples = 2000;  ///< of each network's own training data, for its train loss and accuracy
  int64_t test_examples = 0;      ///< 0: all
};

/// Reads all of a config. Throws one Error that lists every problem with file, line and column.
///
///   draw:
///     optimizer: {adam: [0.0003, 0.03], sgdm: 0.1}   # one of these, with its learning rates
///     batch_size: [32, 128]                          # one of these
///     steps: [50, 500]                               # a number, or [low, high]
///     initial_scale, weight_decay, data_share, label_noise: likewise
///     options: {activation: [relu, tanh]}            # of the architecture: one of each list
NFOPT_API ZooConfig read_zoo_config(const YamlValue& document, const std::string& file);

/// The resolved config: reading it gives an equal one.
NFOPT_API YamlValue to_yaml_value(const ZooConfig& config);

/// runs/<name>-seed<k>
NFOPT_API std::filesystem::path default_zoo_folder(const ZooConfig& config);

}  // namespace nfopt
