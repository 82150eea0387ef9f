#pragma once

#include <nfopt/nflayers/spec/export.h>

#include <cstdint>

namespace nfopt {

/// How the learning rate changes over a run.
struct LrSchedule {
  enum class Decay : uint8_t {
    constant,
    cosine  ///< to zero at the last step (Loshchilov and Hutter, arXiv:1608.03983, without restarts)
  };
  Decay decay = Decay::constant;
  int64_t warmup = 0;  ///< steps in which it rises linearly to its full value

  bool varies() const { return decay != Decay::constant || warmup > 0; }
};

/// What the learning rate is multiplied by in the step that `step` steps precede, of `total` (T) with warm-up W:
///
///   step < W    (step + 1) / W
///   otherwise   1, or (1 + cos(pi (step - W) / (T - W))) / 2
NFOPT_API double lr_factor(const LrSchedule& schedule, int64_t step, int64_t total);

}  // namespace nfopt
