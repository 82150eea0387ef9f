#pragma once

#include <nfopt/nflayers/spec/export.h>
#include <nfopt/runtime/train/checkpoint.h>
#include <nfopt/runtime/train/train_config.h>

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace nfopt {

/// What a run folder has to know of its run.
struct RunIdentity {
  std::string command = {};  ///< that repeats the run: "train"
  YamlValue config = {};     ///< resolved
  int64_t steps = 0;
  int64_t checkpoint_keep = 2;  ///< 0: what is finished is kept in another way
  /// Whether a resumed run may differ from its beginning, config `before`, in this (an entry of `differences`).
  std::function<bool(const std::string& difference, const YamlValue& before)> may_differ = {};
};
NFOPT_API RunIdentity identity_of(const TrainConfig& config);

/// The folder of one run, held by one process at a time. Of `nfopt train`:
///
///   config.yaml      the resolved config; `nfopt train config.yaml` repeats the run
///   metrics.jsonl    metrics.csv    events.out.tfevents.* (for TensorBoard, one for each process that wrote)
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
  /// folder cannot be written, holds something else, is in use by another process, or its config differs in what may
  /// not differ (`nfopt train`: anything but a larger `steps`, `checkpoint` or `plugins`); the message lists these keys.
  RunFolder(std::filesystem::path path, const RunIdentity& run, Mode mode);
  RunFolder(std::filesystem::path path, const TrainConfig& config, Mode mode)
      : RunFolder(std::move(path), identity_of(config), mode) {}
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
  static void check_same_config(const std::string& before, const std::string& origin, const RunIdentity& run);

  std::filesystem::path path_;
  CheckpointFolder checkpoints_;
  std::optional<Checkpoint> start_;
  std::vector<std::string> notices_;
  int lock_ = -1;
};

/// runs/<name>-<optimizer>-seed<k>
NFOPT_API std::filesystem::path default_run_folder(const TrainConfig& config);

}  // namespace nfopt
