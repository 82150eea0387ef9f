#include <nfopt/runtime/train/early_stop.h>
#include <nfopt/runtime/train/trainer.h>

#include <algorithm>
#include <cmath>

namespace nfopt {
namespace {

double value_of(const MetricsRow& row, const std::string& metric) {
  const std::vector<std::string>& columns = metrics_columns();
  return row.values[static_cast<size_t>(std::find(columns.begin(), columns.end(), metric) - columns.begin())];
}

}  // namespace

EarlyStopConfig read_early_stop(YamlMap map) {
  EarlyStopConfig config;
  config.metric = map.text("metric", metrics_columns(), config.metric);
  config.patience = map.integer("patience", {.at_least = 1}, config.patience);
  config.min_delta = map.real("min_delta", {.at_least = 0.0}, config.min_delta);
  map.finish();
  return config;
}

YamlValue to_yaml_value(const EarlyStopConfig& config) {
  YamlValue map = YamlValue::map();
  map.set("metric", YamlValue::text_scalar(config.metric));
  map.set("patience", YamlValue::scalar(std::to_string(config.patience)));
  map.set("min_delta", YamlValue::scalar(shortest(config.min_delta)));
  return map;
}

Flow EarlyStop::on_begin(const Trainer& run) {
  Flow flow = Flow::kContinue;
  for (const MetricsRow& row : run.rows()) flow = std::max(flow, add(value_of(row, config_.metric)));
  return flow;
}

Flow EarlyStop::on_step(const Trainer& run) {
  return run.recorded() ? add(value_of(run.rows().back(), config_.metric)) : Flow::kContinue;
}

Flow EarlyStop::add(double value) {
  if (std::isnan(value)) return Flow::kContinue;  // not measured at this row
  if (config_.metric.ends_with("accuracy")) value = -value;
  if (value < best_ - config_.min_delta || std::isinf(best_)) {
    best_ = value;
    no_better_ = 0;
    return Flow::kContinue;
  }
  return ++no_better_ >= config_.patience ? Flow::kFinish : Flow::kContinue;
}

}  // namespace nfopt
