#pragma once

#include <nfopt/runtime/train/callback.h>

#include <filesystem>
#include <memory>

namespace nfopt {

class TensorBoardEvents;

/// Writes the rows of the metrics for TensorBoard: train/loss, train/accuracy, test/loss, test/accuracy, and
/// time/ms_per_step, the mean over the steps since the row before. A resumed run goes on in a file of its own, without
/// repeating steps (runtime/io/tensorboard_events.h).
class NFOPT_API TensorBoardLog final : public Callback {
 public:
  explicit TensorBoardLog(std::filesystem::path folder);
  ~TensorBoardLog() override;

  Flow on_begin(const Trainer& run) override;
  Flow on_step(const Trainer& run) override;
  void on_end(const Trainer& run, TrainResult& result) override;

 private:
  void write(const Trainer& run);

  std::filesystem::path folder_;
  std::unique_ptr<TensorBoardEvents> events_;  ///< made with the first row
  int64_t timed_step_ = 0;
  double timed_seconds_ = 0;
};

}  // namespace nfopt
