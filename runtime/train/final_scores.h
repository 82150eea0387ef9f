#pragma once

#include <nfopt/runtime/train/callback.h>

namespace nfopt {

/// Evaluates a finished run on all training and test examples and puts the scores into its result.
class NFOPT_API FinalScores final : public Callback {
 public:
  void on_end(const Trainer& run, TrainResult& result) override;
};

}  // namespace nfopt
