#pragma once

#include <nfopt/nflayers/spec/export.h>
#include <nfopt/runtime/compare/run_record.h>
#include <nfopt/runtime/train/train_config.h>

#include <filesystem>
#include <optional>
#include <string>

namespace nfopt {

/// Records of runs by the hash of their config, one JSON file each in one folder that comparisons share: a baseline is
/// trained once.
///
/// The key is the resolved config without what does not change the numbers (name, the optimizer's name, checkpoints,
/// plugin folders), the content of its theta file, and the versions of nfopt and LibTorch. It is
/// stored and compared, so that a collision of hashes is a miss. Data sets are known by their config, not by their
/// bytes: whoever replaces the files under the same name empties the cache. A file that cannot be read is a miss.
/// [any-thread, any process] Files are written atomically.
class NFOPT_API RecordCache {
 public:
  explicit RecordCache(std::filesystem::path folder) : folder_(std::move(folder)) {}

  std::optional<RunRecord> find(const TrainConfig& config) const;
  void store(const TrainConfig& config, const RunRecord& record) const;
  std::filesystem::path file(const TrainConfig& config) const;
  const std::filesystem::path& folder() const { return folder_; }

  static std::string key(const TrainConfig& config);

 private:
  std::filesystem::path folder_;
};

}  // namespace nfopt
