#pragma once

#include <nfopt/nflayers/spec/export.h>
#include <nfopt/runtime/compare/record_cache.h>
#include <nfopt/runtime/compare/run_record.h>
#include <nfopt/runtime/train/run_folder.h>
#include <nfopt/runtime/train/train_config.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

namespace nfopt {

/// One training run of a comparison.
struct RunJob {
  TrainConfig config;
  std::string name;              ///< for messages
  std::filesystem::path folder;  ///< a run folder of its own; empty: only its record is kept, in the cache
};

/// Ctrl-C or SIGTERM: runs with folders are saved, the others that had ended are in the cache.
struct NFOPT_API ComparisonStopped : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct RunJobsOptions {
  RunFolder::Mode mode = RunFolder::Mode::fresh;
  int64_t threads = 0;                                          ///< runs side by side; 0: one per core
  std::function<void(const std::string& text)> on_notice = {};  ///< a line for the user; [any-thread], one at a time
};

/// Trains what neither its folder nor the cache already holds; records come back in the order of the jobs.
///
/// Runs are independent: side by side on TBB tasks, each with one LibTorch thread and on data that all share, so that
/// every number but the times is the same for any `threads`. Progress goes to standard error. A run that diverges ends
/// alone. After an Error of a job no other is begun; it is thrown once those that run have ended.
/// Throws ComparisonStopped, too.
NFOPT_API std::vector<RunRecord> run_jobs(const std::vector<RunJob>& jobs, const RecordCache& cache,
                                          const RunJobsOptions& options);

}  // namespace nfopt
