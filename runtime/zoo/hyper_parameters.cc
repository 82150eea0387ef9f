#include <nfopt/runtime/zoo/hyper_parameters.h>

#include <algorithm>
#include <cmath>

namespace nfopt {
namespace {

double uniform(const RealRange& range, double u) { return range.low + (range.high - range.low) * u; }

double log_uniform(const RealRange& range, double u) {
  return range.low > 0 ? range.low * std::pow(range.high / range.low, u) : range.low;
}

// Over [low, high + 1), rounded down: both ends have their share.
int64_t log_uniform(const IntegerRange& range, double u) {
  const double drawn = log_uniform(RealRange{static_cast<double>(range.low), static_cast<double>(range.high + 1)}, u);
  return std::clamp(static_cast<int64_t>(drawn), range.low, range.high);
}

template <class T>
const T& one_of(const std::vector<T>& choices, const Rng& rng) {
  return choices[static_cast<size_t>(rng.integer(0, static_cast<int64_t>(choices.size())))];
}

}  // namespace

HyperParameters draw_hyper_parameters(const HyperParameterRanges& ranges, const Rng& rng) {
  HyperParameters drawn;
  const auto& [optimizer, rates] = one_of(ranges.optimizers, rng.purpose("optimizer"));
  drawn.optimizer = optimizer;
  drawn.learning_rate = log_uniform(rates, rng.purpose("learning_rate").uniform(0));
  drawn.batch_size = one_of(ranges.batch_sizes, rng.purpose("batch_size"));
  drawn.steps = log_uniform(ranges.steps, rng.purpose("steps").uniform(0));
  drawn.initial_scale = log_uniform(ranges.initial_scale, rng.purpose("initial_scale").uniform(0));
  drawn.weight_decay = log_uniform(ranges.weight_decay, rng.purpose("weight_decay").uniform(0));
  drawn.data_share = uniform(ranges.data_share, rng.purpose("data_share").uniform(0));
  drawn.label_noise = uniform(ranges.label_noise, rng.purpose("label_noise").uniform(0));
  for (const auto& [name, choices] : ranges.options)
    drawn.options[name] = one_of(choices, rng.purpose("options").purpose(name));
  return drawn;
}

}  // namespace nfopt
