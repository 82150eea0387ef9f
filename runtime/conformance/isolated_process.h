#pragma once

#include <nfopt/nflayers/spec/export.h>

#include <chrono>
#include <string>
#include <vector>

namespace nfopt::conformance {

/// How a process ended.
struct ProcessEnd {
  enum class Kind : unsigned char { exited, killed_by_signal, timed_out };
  Kind kind = Kind::exited;
  int status = 0;      ///< exit status
  int signal = 0;      ///< the signal that ended it
  std::string report;  ///< what it wrote to its descriptor kReportDescriptor
  std::string output;  ///< the end of what it printed, stdout and stderr together
};

inline constexpr int kReportDescriptor = 3;

/// Runs `command` (path and arguments) in a process of its own and waits for its end, at most `limit`; then kills it.
/// Throws Error when the process cannot be started.
NFOPT_API ProcessEnd run_isolated(const std::vector<std::string>& command, std::chrono::milliseconds limit);

/// "SIGSEGV (invalid memory access)"
NFOPT_API std::string signal_name(int signal);

}  // namespace nfopt::conformance
