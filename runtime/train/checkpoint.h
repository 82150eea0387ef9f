#pragma once

#include <nfopt/nflayers/spec/export.h>
#include <nfopt/runtime/optimizers/named_tensors.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace nfopt {

/// The whole state of a run after `step` steps. Holds no times, so that equal runs have equal files.
struct NFOPT_API Checkpoint {
  int64_t step = 0;
  std::string config;    ///< the resolved config, YAML
  NamedTensors tensors;  ///< network.*, optimizer.*, log.*

  /// The tensors "<group>.*", without the prefix.
  NamedTensors group(const std::string& group) const;
  void add_group(const std::string& group, const NamedTensors& tensors);
};

/// The rotating checkpoints of one folder: `step-000001200.safetensors`, the newest `keep` of them. Each is written to
/// a temporary name, flushed and renamed: a crash at any moment leaves the earlier ones whole.
class NFOPT_API CheckpointFolder {
 public:
  CheckpointFolder(std::filesystem::path folder, int64_t keep) : folder_(std::move(folder)), keep_(keep) {}

  /// Throws Error when it cannot be written (full disk, no permission); the earlier checkpoints are untouched then.
  void save(const Checkpoint& checkpoint) const;

  struct Found {
    std::optional<Checkpoint> checkpoint;
    std::vector<std::string> notices;  ///< about files that could not be used
  };
  /// The newest checkpoint that can be read. Damaged ones are passed over with a notice; when all are damaged, throws
  /// Error that says so for each.
  Found newest() const;

  /// Steps of the files that are there, oldest first.
  std::vector<int64_t> steps() const;
  std::filesystem::path file(int64_t step) const;

 private:
  std::filesystem::path folder_;
  int64_t keep_;
};

}  // namespace nfopt
