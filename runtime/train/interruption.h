#pragma once

#include <nfopt/nflayers/spec/export.h>

#include <csignal>

namespace nfopt {

/// While one of these lives, SIGINT (Ctrl-C) and SIGTERM ask the run to stop after its current step instead of ending
/// the process. A second signal ends it at once, as it would have without us. One at a time per process.
class NFOPT_API Interruption {
 public:
  Interruption();
  ~Interruption();
  Interruption(const Interruption&) = delete;
  Interruption& operator=(const Interruption&) = delete;

  /// The signal that arrived, 0 when none did.
  static int signal();

 private:
  struct sigaction before_int_;
  struct sigaction before_term_;
};

}  // namespace nfopt
