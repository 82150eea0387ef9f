#pragma once

#include <nfopt/runtime/train/callback.h>

#include <filesystem>

namespace nfopt {

/// Leaves loss.svg, accuracy.svg and summary.json in the folder of a finished run (train_report.h).
class NFOPT_API FinalReport final : public Callback {
 public:
  explicit FinalReport(std::filesystem::path folder) : folder_(std::move(folder)) {}

  void on_end(const Trainer& run, TrainResult& result) override;

 private:
  std::filesystem::path folder_;
};

}  // namespace nfopt
