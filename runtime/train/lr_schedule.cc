#include <nfopt/runtime/train/lr_schedule.h>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace nfopt {

double lr_factor(const LrSchedule& schedule, int64_t step, int64_t total) {
  if (step < schedule.warmup) return static_cast<double>(step + 1) / static_cast<double>(schedule.warmup);
  if (schedule.decay == LrSchedule::Decay::constant) return 1;
  const auto length = static_cast<double>(std::max<int64_t>(1, total - schedule.warmup));
  const double done = std::min(1.0, static_cast<double>(step - schedule.warmup) / length);
  return 0.5 * (1 + std::cos(std::numbers::pi * done));
}

}  // namespace nfopt
