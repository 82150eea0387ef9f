#include <nfopt/runtime/compare/speed_up.h>

#include <algorithm>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>

namespace nfopt {

SpeedUp speed_up(const Curve& baseline, const Curve& run, bool run_diverged) {
  SpeedUp out;
  out.level = baseline.lowest();
  out.baseline_steps = baseline.step_of_lowest();
  out.steps = run.first_step_at(out.level);
  out.reached = std::isfinite(out.steps);
  if (baseline.empty() || run.empty()) return out;
  if (out.reached) {
    out.ratio = out.baseline_steps / std::max(1.0, out.steps);
  } else if (!run_diverged) {
    const double own = run.lowest();
    out.ratio = std::min({1.0, out.baseline_steps / run.steps.back(),
                          baseline.first_step_at(own) / std::max(1.0, run.first_step_at(own))});
  }
  return out;
}

Bounds geometric_bounds(const std::vector<double>& values, double confidence) {
  Bounds out;
  if (values.empty()) return out;
  const auto count = static_cast<double>(values.size());
  double mean = 0;
  for (const double value : values) mean += std::log(value) / count;
  out.mean = std::exp(mean);
  if (values.size() < 2) return out;
  if (!(out.mean > 0)) {
    out.low = 0;
    return out;
  }
  double variance = 0;
  for (const double value : values) variance += (std::log(value) - mean) * (std::log(value) - mean) / (count - 1);
  const boost::math::students_t distribution(count - 1);
  const double half = boost::math::quantile(distribution, 0.5 * (1 + confidence)) * std::sqrt(variance / count);
  out.low = std::exp(mean - half);
  out.high = std::exp(mean + half);
  return out;
}

}  // namespace nfopt
