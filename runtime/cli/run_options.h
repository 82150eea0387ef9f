#pragma once

#include <nfopt/runtime/io/yaml_value.h>
#include <nfopt/runtime/train/run_folder.h>
#include <nfopt/runtime/train/train_config.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace nfopt::cli {

/// What the commands that run a config have in common: CONFIG.yaml, --set, --out, --resume, --device, --seed.
struct RunOptions {
  std::string config;
  std::vector<std::string> overrides;
  std::filesystem::path out;
  bool resume = false;
  std::optional<std::string> device;
  std::optional<std::string> seed;

  void add_to(CLI::App& command, const std::string& default_folder);
  /// The config with its overrides; --seed and --device are the last of them.
  YamlValue load() const;
  RunFolder::Mode mode() const { return resume ? RunFolder::Mode::resume : RunFolder::Mode::fresh; }
};

}  // namespace nfopt::cli
