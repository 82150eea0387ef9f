#pragma once

#include <nfopt/nflayers/spec/export.h>
#include <nfopt/runtime/train/checkpoint.h>
#include <nfopt/runtime/train/train_config.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace nfopt {

/// The folder of one run, held by one process at a time:
///
///   config.yaml      the resolved config; `nfopt train config.yaml` repeats the run
///   metrics.jsonl    metrics.csv
///   checkpoints/     step-000001200.safetensors, the newest few
///   loss.svg         accuracy.svg
///   summary.json     once the run is finished
class NFOPT_API RunFolder {
 public:
  enum class Mode : uint8_t {
    fresh,  ///< the folder must be empty or missing
    resume  ///< continues what is there; nothing there begins anew
  };

  /// Makes the folder where needed, writes config.yaml, finds the checkpoint to continue from. Throws Error when the
  /// folder cannot be written, holds something else, is in use by another process, or its config differs in anything
  /// but a larger `steps`, `checkpoint` or `plugins`; the message lists the differing keys.
  RunFolder(std::filesystem::path path, const TrainConfig& config, Mode mode);
  ~RunFolder();
  RunFolder(const RunFolder&) = delete;
  RunFolder& operator=(const RunFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }
  const CheckpointFolder& checkpoints() const { return checkpoints_; }
  /// What to continue from; empty for a fresh run.
  const std::optional<Checkpoint>& start() const { return start_; }
  const std::vector<std::string>& notices() const { return notices_; }

 private:
  void lock();
  void check_same_config(const std::string& before, const std::string& origin, const TrainConfig& config) const;

  std::filesystem::path path_;
  CheckpointFolder checkpoints_;
  std::optional<Checkpoint> start_;
  std::vector<std::string> notices_;
  int lock_ = -1;
};

/// runs/<name>-<optimizer>-seed<k>
NFOPT_API std::filesystem::path default_run_folder(const TrainConfig& config);

}  // namespace nfopt
