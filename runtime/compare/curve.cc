#include <nfopt/runtime/compare/curve.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

namespace nfopt {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

Curve exponential(const Curve& curve, double decay) {
  Curve out{curve.steps, {}};
  double sum = 0, weight = 0, before = 0;
  for (size_t i = 0; i < curve.steps.size(); ++i) {
    const double kept = std::pow(decay, std::max(1.0, curve.steps[i] - before));
    sum = kept * sum + (1 - kept) * curve.values[i];
    weight = kept * weight + (1 - kept);
    out.values.push_back(sum / weight);
    before = curve.steps[i];
  }
  return out;
}

Curve windowed(const Curve& curve, double steps) {
  Curve out{curve.steps, {}};
  for (size_t i = 0; i < curve.steps.size(); ++i) {
    double sum = 0, weight = 0;
    for (size_t j = i + 1; j-- > 0 && curve.steps[j] > curve.steps[i] - steps;) {
      const double covered = std::max(1.0, curve.steps[j] - (j > 0 ? curve.steps[j - 1] : 0));
      sum += covered * curve.values[j];
      weight += covered;
    }
    out.values.push_back(sum / weight);
  }
  return out;
}

}  // namespace

double Curve::lowest() const {
  double lowest = kInfinity;
  for (const double value : values)
    if (value < lowest) lowest = value;
  return lowest;
}

double Curve::step_of_lowest() const { return first_step_at(lowest()); }

double Curve::first_step_at(double level) const {
  for (size_t i = 0; i < values.size(); ++i)
    if (values[i] <= level) return steps[i];
  return kInfinity;
}

double Curve::last() const { return values.empty() ? std::nan("") : values.back(); }

Curve curve_of(const std::vector<MetricsRow>& rows, size_t column) {
  Curve curve;
  for (const MetricsRow& row : rows) {
    if (std::isnan(row.values[column])) continue;
    curve.steps.push_back(static_cast<double>(row.step));
    curve.values.push_back(row.values[column]);
  }
  return curve;
}

Curve smoothed(const Curve& curve, const Smoothing& smoothing) {
  return smoothing.kind == Smoothing::Kind::ema ? exponential(curve, smoothing.decay)
                                                : windowed(curve, static_cast<double>(smoothing.steps));
}

Curve lower_envelope(const std::vector<Curve>& curves) {
  std::map<double, double> lowest;
  for (const Curve& curve : curves)
    for (size_t i = 0; i < curve.steps.size(); ++i) {
      const auto [entry, fresh] = lowest.emplace(curve.steps[i], curve.values[i]);
      if (!fresh && curve.values[i] < entry->second) entry->second = curve.values[i];
    }
  Curve out;
  for (const auto& [step, value] : lowest) {
    out.steps.push_back(step);
    out.values.push_back(value);
  }
  return out;
}

std::string describe(const Smoothing& smoothing) {
  return smoothing.kind == Smoothing::Kind::ema
             ? "exponential moving average, decay " + shortest(smoothing.decay) + " per step"
             : "mean over the last " + std::to_string(smoothing.steps) + " steps";
}

}  // namespace nfopt
