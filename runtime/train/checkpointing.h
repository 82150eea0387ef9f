#pragma once

#include <nfopt/runtime/train/callback.h>
#include <nfopt/runtime/train/checkpoint.h>

namespace nfopt {

/// Saves a checkpoint every `checkpoint.every` steps, after the last step, and where the run was ended.
class NFOPT_API Checkpointing final : public Callback {
 public:
  explicit Checkpointing(CheckpointFolder folder) : folder_(std::move(folder)) {}

  Flow on_begin(const Trainer& run) override;
  Flow on_step(const Trainer& run) override;
  void on_end(const Trainer& run, TrainResult& result) override;

 private:
  CheckpointFolder folder_;
  int64_t saved_ = -1;
};

}  // namespace nfopt
