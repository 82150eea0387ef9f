#pragma once

#include <nfopt/nflayers/spec/export.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>

namespace nfopt {

/// How far a run is: one line that redraws itself on a terminal, plain lines every ten seconds elsewhere, with steps
/// per second and the time left. Writes to `stream` (standard error by default) and never throws.
///
///   sgdm  1200/2000  60%  ==================------------  512 steps/s  1 s left  train loss 0.412  test accuracy 84.1
///   %
class NFOPT_API Progress {
 public:
  Progress(std::string name, int64_t first_step, int64_t total_steps, std::FILE* stream = stderr);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// After `done` steps; `status` is a short text such as "train loss 0.412". Cheap when nothing is due.
  void update(int64_t done, const std::string& status);
  /// A line of its own, above the bar.
  void say(const std::string& line);
  /// Removes the bar; on a terminal nothing of it stays.
  void finish();

  bool due() const;  ///< whether `update` would draw now, so that a caller can spare itself the text

 private:
  using Clock = std::chrono::steady_clock;
  std::string line(int64_t done, const std::string& status) const;

  std::string name_;
  int64_t first_;
  int64_t total_;
  std::FILE* stream_;
  bool terminal_;
  bool drawn_ = false;
  Clock::time_point start_;
  Clock::time_point last_;
};

/// 4.2 s, 3 min 5 s, 2 h 10 min.
NFOPT_API std::string duration_text(double seconds);

}  // namespace nfopt
