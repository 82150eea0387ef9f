#pragma once

#include <nfopt/nflayers/spec/export.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace nfopt {

class Trainer;
struct TrainResult;

/// What a callback wants next.
enum class Flow : uint8_t {
  kContinue,
  kStop,   ///< end here and save, to be resumed later: what Ctrl-C does
  kFinish  ///< the run has what it wanted: it ends as it would after its last step, with final scores and report
};

/// Watches a run, and may end it. Progress bar, logs, checkpoints, early stop and final report are callbacks; own ones
/// are given to `train` (trainer.h) and come after the logs and checkpoints, before the final report.
///
///   class StopAtLoss : public nfopt::Callback {
///     Flow on_step(const Trainer& run) override { return run.train_loss() < 0.4 ? Flow::kFinish : Flow::kContinue; }
///   };
///
/// All callbacks see every step, in order, even when an earlier one wants to stop; kFinish outweighs kStop. An exception
/// ends the run at once and reaches the caller of `train`: nothing is saved any more, the checkpoints that are there stay
/// whole. `on_end` is not called then; what must be undone belongs into the destructor.
class NFOPT_API Callback {
 public:
  virtual ~Callback();

  /// Before the first step of this process; run.step() > 0 when it continues an earlier one. Anything but kContinue:
  /// no step is made.
  virtual Flow on_begin(const Trainer& run);
  /// After every step. run.recorded() says whether it added a row to run.rows().
  virtual Flow on_step(const Trainer& run);
  /// Once the run has ended in order. A callback may add to the result what later ones report.
  virtual void on_end(const Trainer& run, TrainResult& result);
  /// Something the user should know, such as a step that was left out.
  virtual void on_notice(const std::string& text);
};

using Callbacks = std::vector<std::shared_ptr<Callback>>;

}  // namespace nfopt
