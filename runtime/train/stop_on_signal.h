#pragma once

#include <nfopt/runtime/train/callback.h>

namespace nfopt {

/// Ends the run after the step in which Ctrl-C or SIGTERM arrived, while an Interruption lives (interruption.h).
class NFOPT_API StopOnSignal final : public Callback {
 public:
  Flow on_begin(const Trainer& run) override;
  Flow on_step(const Trainer& run) override;
};

}  // namespace nfopt
