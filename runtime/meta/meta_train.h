#pragma once

#include <nfopt/nflayers/spec/export.h>
#include <nfopt/runtime/meta/communicator.h>
#include <nfopt/runtime/meta/meta_evaluation.h>
#include <nfopt/runtime/meta/meta_train_config.h>
#include <nfopt/runtime/meta/piece_log.h>
#include <nfopt/runtime/train/run_folder.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <string>
#include <vector>

namespace nfopt {

/// What a callback sees after an outer step.
struct MetaStepReport {
  int64_t step = 0;  ///< outer steps done
  int64_t total = 0;
  double meta_loss = std::numeric_limits<double>::quiet_NaN();   ///< of this step, nats
  double evaluation = std::numeric_limits<double>::quiet_NaN();  ///< the last one, 1 = a uniform guess
  double best_evaluation = std::numeric_limits<double>::quiet_NaN();
  double inner_steps_per_second = std::numeric_limits<double>::quiet_NaN();  ///< of this process so far, all ranks
};

/// Watches a run, on every rank. Missing pieces do nothing.
struct MetaTrainCallbacks {
  std::function<void(const std::string& text)> on_notice = {};
  std::function<void(const MetaStepReport&)> on_begin = {};
  std::function<void(const MetaStepReport&)> on_step = {};
  std::function<void(const MetaStepReport&)> on_end = {};
};

/// How a run, or this piece of it, ended.
struct MetaTrainResult {
  bool finished = false;  ///< false: the piece ended or was stopped, to be resumed
  int signal = 0;         ///< that stopped it, on any rank
  int64_t first_step = 0;
  int64_t step = 0;
  int64_t inner_steps = 0;  ///< training steps of all members in all pieces, evaluations left out
  int64_t diverged = 0;     ///< members that stopped being finite, in all pieces
  int64_t dropped = 0;      ///< contributions left out
  int64_t meta_parameters = 0;
  int64_t particles = 0;
  int64_t threads = 1;  ///< of each rank
  int64_t ranks = 1;
  double meta_loss = std::numeric_limits<double>::quiet_NaN();  ///< of the last row of the metrics
  MetaEvaluation start, best, last;                             ///< evaluations, where there are any
  int64_t best_step = 0;
  double seconds = 0;                ///< of this process, evaluations and files included
  double total_seconds = 0;          ///< of all pieces
  std::vector<double> step_seconds;  ///< of each outer step of this process, without evaluations and files
  double inner_steps_per_second = std::numeric_limits<double>::quiet_NaN();  ///< in these
  std::vector<std::filesystem::path> files;                                  ///< theta-last and theta-best; rank 0 only
};

/// Meta-trains a rule as configured:
///
///   repeat   g = estimate of d(meta-loss)/d(theta) over all particles       theta <- Adam(theta, clip(g))
///
/// with a meta-evaluation on held-out tasks now and then. In `folder`, on rank 0: config.yaml, metrics.jsonl and .csv,
/// rotating checkpoints, pieces.json, theta-last.safetensors, theta-best.safetensors (the best evaluation), plots,
/// summary.json. The other ranks touch no files but the data sets.
///
/// Every number is a function of the config alone: a run that was killed and resumed, or that ran on another number of
/// threads or ranks, has the same bits on the CPU.
/// Throws LostRank when another rank is gone: the message says from which checkpoint the run can be continued. Throws
/// Error for what does not fit together, before anything is written.
NFOPT_API MetaTrainResult meta_train(const MetaTrainConfig& config, const std::filesystem::path& folder,
                                     RunFolder::Mode mode, Communicator& communicator,
                                     const MetaTrainCallbacks& callbacks = {});

}  // namespace nfopt
