#pragma once

#include <nfopt/nflayers/spec/export.h>

#include <chrono>
#include <functional>
#include <string>
#include <vector>

namespace nfopt::conformance {

/// How a process ended.
struct ProcessEnd {
  enum class Kind : unsigned char { exited, killed_by_signal, timed_out };
  Kind kind = Kind::exited;
  int status = 0;      ///< exit status
  int signal = 0;      ///< the signal that ended it
  std::string report;  ///< what its body wrote to the descriptor it was given
  std::string output;  ///< the end of what it printed, stdout and stderr together
  std::chrono::duration<double, std::milli> time{0};
};

/// What a process of its own does: it writes its report to a descriptor.
using ProcessBody = std::function<void(int report)>;

/// Runs each body in a process of its own, as many at once as there are cores, and waits for their ends; one that takes
/// longer than `limit` is killed. In the order of the bodies.
///
/// The processes are forks of this one: they start in a few milliseconds, where loading LibTorch anew takes a third of a
/// second, and they hold all that this process holds. It must not have run anything on several threads yet; the children
/// of one that did would wait for threads they do not have. Throws Error when a process cannot be made.
NFOPT_API std::vector<ProcessEnd> run_isolated(const std::vector<ProcessBody>& bodies, std::chrono::milliseconds limit);

/// "SIGSEGV (Segmentation fault)"
NFOPT_API std::string signal_name(int signal);

}  // namespace nfopt::conformance
