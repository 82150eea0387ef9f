#pragma once

#include <nfopt/nflayers/spec/export.h>
#include <nfopt/runtime/train/train_config.h>

#include <filesystem>
#include <string>
#include <vector>

namespace nfopt {

/// One task of a comparison, resolved: whose runs go where.
struct CompareTask {
  std::string name;   ///< "" for a comparison of one task
  std::string group;  ///< "" for a comparison of one task
  YamlValue document;
  std::string file;  ///< for messages
  std::vector<int64_t> seeds;
  std::vector<double> rates;  ///< empty: those of the sweep
  std::filesystem::path folder;
};

/// The tasks of a comparison, each checked as a whole: Error lists the problems of the first that has any. A task with a
/// config file of its own takes the comparison's `optimizers` on top of that file's.
NFOPT_API std::vector<CompareTask> tasks_of(const CompareConfig& config, const YamlValue& document,
                                            const std::string& file, const std::filesystem::path& folder);

/// The config of one run: the task's with this optimizer and seed, one LibTorch thread.
NFOPT_API TrainConfig config_of_run(const YamlValue& document, const std::string& file, const std::string& optimizer,
                                    int64_t seed);

/// Its folder within that of the task: <optimizer>-seed<k>.
NFOPT_API std::filesystem::path folder_of_run(const std::filesystem::path& folder, const TrainConfig& config);

}  // namespace nfopt
