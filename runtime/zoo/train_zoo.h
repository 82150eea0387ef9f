#pragma once

#include <nfopt/nflayers/spec/export.h>
#include <nfopt/runtime/train/run_folder.h>
#include <nfopt/runtime/zoo/zoo_config.h>
#include <nfopt/runtime/zoo/zoo_network.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace nfopt {

/// How far a zoo is, in steps of single networks.
struct ZooProgress {
  int64_t done = 0;
  int64_t total = 0;
  int64_t networks = 0;  ///< finished and saved
};

/// What a caller wants to hear; each may be empty. Called one at a time, from any thread.
struct ZooCallbacks {
  std::function<void(const ZooProgress&)> on_begin = {};
  std::function<void(const ZooProgress&)> on_step = {};
  std::function<void(const std::string&)> on_notice = {};
};

struct ZooResult {
  bool finished = false;
  std::vector<ZooNetwork> networks;  ///< by index; those that are saved
  int64_t trained = 0;               ///< of these by this call
  double seconds = 0;                ///< of this call
};

/// Trains what the folder does not hold yet, chunks side by side on TBB, and writes
///
///   config.yaml                       the resolved config
///   shards/chunk-000000.safetensors   weights and records of a chunk, as soon as it is finished (zoo.h)
///   networks.csv  networks.json       hyper-parameters, losses, accuracies of all networks, once all are finished
///   accuracy.svg  summary.json        their distribution
///
/// Ctrl-C or SIGTERM (Interruption) ends it after the current steps: finished chunks stay, others are lost and trained
/// again on resume. Every number is the same for any `threads` and any interruption. Throws Error when the config does
/// not fit its architecture or data (nothing is written then), and when the folder cannot be used (run_folder.h).
NFOPT_API ZooResult train_zoo(const ZooConfig& config, const std::filesystem::path& folder, RunFolder::Mode mode,
                              const ZooCallbacks& callbacks = {});

}  // namespace nfopt
