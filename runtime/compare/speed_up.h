#pragma once

#include <nfopt/nflayers/spec/export.h>
#include <nfopt/runtime/compare/curve.h>

#include <limits>
#include <vector>

namespace nfopt {

/// How much faster one run is than another, in steps.
struct SpeedUp {
  double ratio = 0;           ///< above 1: fewer steps than the baseline
  bool reached = false;       ///< whether the run got to the baseline's best loss at all
  double level = 0;           ///< that loss
  double baseline_steps = 0;  ///< the baseline's first step at its best loss
  double steps = 0;           ///< the run's first step at it; infinity when it was not reached
};

/// On smoothed curves, with L the baseline's lowest value and n(c, L) the first step at which curve c is at most L:
///
///   ratio = n(baseline, L) / n(run, L)
///
/// A run that never reaches L gets an upper bound that is at most 1, the smaller of
///   n(baseline, L) / T                      T the run's last step: it needs more than that
///   n(baseline, M) / n(run, M)              M the run's own lowest value
/// and one that diverged before it got there gets 0.
NFOPT_API SpeedUp speed_up(const Curve& baseline, const Curve& run, bool run_diverged);

/// A geometric mean with a two-sided confidence interval.
struct Bounds {
  double mean = std::numeric_limits<double>::quiet_NaN();
  double low = std::numeric_limits<double>::quiet_NaN();  ///< NaN for a single value
  double high = std::numeric_limits<double>::quiet_NaN();
};

/// Student's t on the logarithms, n - 1 degrees of freedom:
///
///   exp(m -+ t_{(1 + confidence) / 2, n - 1} s / sqrt(n))
///
/// `low` at 0.95 is thus exceeded by the true mean with 97.5 %. A value of 0 makes mean and low 0.
NFOPT_API Bounds geometric_bounds(const std::vector<double>& values, double confidence);

}  // namespace nfopt
