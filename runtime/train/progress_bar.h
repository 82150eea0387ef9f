#pragma once

#include <nfopt/runtime/train/callback.h>

#include <memory>
#include <string>

namespace nfopt {

class Progress;

/// Shows on standard error how far a run is: a bar on a terminal, plain lines elsewhere. Notices go above it.
class NFOPT_API ProgressBar final : public Callback {
 public:
  explicit ProgressBar(std::string name);
  ~ProgressBar() override;

  Flow on_begin(const Trainer& run) override;
  Flow on_step(const Trainer& run) override;
  void on_end(const Trainer& run, TrainResult& result) override;
  void on_notice(const std::string& text) override;

 private:
  std::string name_;
  std::unique_ptr<Progress> progress_;
};

}  // namespace nfopt
