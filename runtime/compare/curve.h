#pragma once

#include <nfopt/nflayers/spec/export.h>
#include <nfopt/runtime/io/metrics_log.h>
#include <nfopt/runtime/train/compare_config.h>

#include <string>
#include <vector>

namespace nfopt {

/// A measured quantity over steps, ascending.
struct NFOPT_API Curve {
  std::vector<double> steps = {};
  std::vector<double> values = {};

  bool empty() const { return steps.empty(); }
  double lowest() const;          ///< infinity when empty
  double step_of_lowest() const;  ///< the first one; infinity when empty
  /// The first recorded step with a value of at most `level`; infinity when there is none. Not interpolated: what is
  /// reached between two rows counts from the later one.
  double first_step_at(double level) const;
  double last() const;  ///< NaN when empty
};

/// One column of a run's rows (metrics_columns), where it was measured.
NFOPT_API Curve curve_of(const std::vector<MetricsRow>& rows, size_t column);

/// With x_i a row that covers d_i steps (since the row before):
///
///   ema      y_n = sum_i g_i x_i / sum_i g_i,   g_i = (1 - decay^d_i) decay^(s_n - s_i)
///   window   y_n = sum d_i x_i / sum d_i over the rows with s_i > s_n - steps
///
/// A curve that is smoothed lags behind by about 1 / (1 - decay) or half a window, the same for everyone.
NFOPT_API Curve smoothed(const Curve& curve, const Smoothing& smoothing);

/// At every step the lowest of several curves over the same steps; a curve that ended (a diverged run) no longer counts.
NFOPT_API Curve lower_envelope(const std::vector<Curve>& curves);

/// "exponential moving average, decay 0.98 per step"
NFOPT_API std::string describe(const Smoothing& smoothing);

}  // namespace nfopt
