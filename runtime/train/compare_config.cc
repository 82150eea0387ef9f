#include <nfopt/runtime/train/compare_config.h>
#include <nfopt/runtime/train/optimizer_config.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <set>

namespace nfopt {
namespace {

template <class T>
void check_list(YamlMap& map, const char* key, const std::vector<T>& values) {
  if (values.empty()) map.problem(key, "expected at least one entry.");
  if (std::set<T>(values.begin(), values.end()).size() < values.size()) map.problem(key, "an entry is given twice.");
}

Smoothing read_smoothing(YamlMap map) {
  Smoothing smoothing;
  if (map.text("kind", {"ema", "window"}, "ema") == "ema") {
    smoothing.decay = map.real("decay", {.at_least = 0.0, .below = 1.0}, smoothing.decay);
  } else {
    smoothing.kind = Smoothing::Kind::window;
    smoothing.steps = map.integer("steps", {.at_least = 1}, smoothing.steps);
  }
  map.finish();
  return smoothing;
}

// `rates: [0.001, 0.01]` or `rates: {low: 1e-4, high: 0.1, count: 15}`
std::vector<double> read_rates(YamlMap& map) {
  if (!map.has("rates")) return {};
  std::vector<double> rates;
  if (map.value("rates")->kind == YamlValue::Kind::map) {
    YamlMap range = map.map("rates");
    const double low = range.real("low", {.above = 0.0});
    const double high = range.real("high", {.above = 0.0});
    const int64_t count = range.integer("count", {.at_least = 1, .at_most = 1000}, 15);
    if (low > high) range.problem("high", "expected a number at least 'low'.");
    range.finish();
    if (low > 0 && high >= low) rates = log_spaced(low, high, low == high ? 1 : count);
    return rates;
  }
  rates = map.reals("rates", {.above = 0.0});
  check_list(map, "rates", rates);
  return rates;
}

SweepConfig read_sweep(YamlMap map, const YamlValue& presets, YamlProblems& problems) {
  SweepConfig sweep;
  sweep.optimizers = map.texts("optimizers", {}, std::vector<std::string>{"adam"});
  check_list(map, "optimizers", sweep.optimizers);
  for (const std::string& name : sweep.optimizers) {
    YamlValue named = YamlValue::text_scalar(name);
    if (map.has("optimizers")) named.place = map.value("optimizers")->place;
    const OptimizerConfig config = read_optimizer(named, presets, problems);
    if (!config.rule.empty() && config.learned())
      map.problem("optimizers",
                  "'" + name + "' is a learned rule: expected sgd, sgdm, adam, adamw or presets of them.");
  }
  sweep.rates = read_rates(map);
  sweep.schedules = map.texts("schedules", {"constant", "cosine"}, sweep.schedules);
  check_list(map, "schedules", sweep.schedules);
  map.finish();
  return sweep;
}

CompareTaskConfig read_task(const YamlValue& value, const std::string& path, YamlProblems& problems) {
  CompareTaskConfig task;
  task.place = value.place;
  if (value.kind == YamlValue::Kind::scalar) {  // a config file alone
    task.config = value.text;
    task.name = std::filesystem::path(value.text).stem().string();
    return task;
  }
  YamlMap map(value, path, problems);
  task.config = map.text("config", {}, std::string());
  task.name =
      map.text("name", {},
               task.config.empty() ? std::optional<std::string>() : std::filesystem::path(task.config).stem().string());
  task.group = map.text("group", {}, task.group);
  task.overrides = map.texts("set", {}, std::vector<std::string>{});
  task.seeds = map.integers("seeds", {.at_least = 0}, std::vector<int64_t>{});
  task.rates = read_rates(map);
  map.finish();
  return task;
}

void read_tasks(CompareConfig& config, YamlMap& map, YamlProblems& problems) {
  const YamlValue* tasks = map.value("tasks");
  if (tasks == nullptr) return;
  if (tasks->kind != YamlValue::Kind::sequence || tasks->items.empty())
    return map.problem("tasks", "expected a list of tasks, received " + describe(*tasks) + ".");
  std::set<std::string> names;
  for (size_t i = 0; i < tasks->items.size(); ++i) {
    config.tasks.push_back(read_task(tasks->items[i], map.path() + ".tasks[" + std::to_string(i) + "]", problems));
    if (!names.insert(config.tasks.back().name).second)
      map.problem("tasks", "two tasks have the name '" + config.tasks.back().name + "'.");
  }
}

}  // namespace

CompareConfig read_compare_section(YamlMap map, const YamlValue& presets, YamlProblems& problems) {
  CompareConfig config;
  if (map.has("optimizers")) {
    config.optimizers = map.texts("optimizers", {});
    check_list(map, "optimizers", config.optimizers);
  }
  for (const std::string& name : config.optimizers) {
    YamlValue named = YamlValue::text_scalar(name);
    named.place = map.value("optimizers")->place;
    read_optimizer(named, presets, problems);
  }
  if (map.has("seeds")) {
    config.seeds = map.integers("seeds", {.at_least = 0});
    check_list(map, "seeds", config.seeds);
  }
  config.threads = map.integer("threads", {.at_least = 0, .at_most = 1024}, 0);
  config.cache = map.text("cache", {}, config.cache.string());
  config.smoothing = read_smoothing(map.map_or_empty("smoothing"));
  config.confidence = map.real("confidence", {.above = 0.0, .below = 1.0}, config.confidence);
  if (map.has("sweep")) {
    config.sweep = read_sweep(map.map("sweep"), presets, problems);
    config.baseline = map.text("baseline", config.sweep->optimizers,
                               config.sweep->optimizers.empty() ? std::string() : config.sweep->optimizers.front());
  } else if (map.has("baseline")) {
    map.problem("baseline", "needs 'sweep', which says which of its learning rates are tried.");
  }
  read_tasks(config, map, problems);
  if (map.has("one_rate_of")) {
    std::vector<std::string> groups;
    for (const CompareTaskConfig& task : config.tasks)
      if (std::find(groups.begin(), groups.end(), task.group) == groups.end()) groups.push_back(task.group);
    config.one_rate_of = map.text("one_rate_of", groups);
    if (!config.sweep || groups.empty()) map.problem("one_rate_of", "needs 'sweep' and 'tasks'.");
  }
  map.finish();
  return config;
}

std::vector<double> log_spaced(double low, double high, int64_t count) {
  std::vector<double> values;
  for (int64_t i = 0; i < count; ++i) {
    const double share = count > 1 ? static_cast<double>(i) / static_cast<double>(count - 1) : 0;
    char text[32];
    std::snprintf(text, sizeof text, "%.4g", low * std::pow(high / low, share));
    values.push_back(std::strtod(text, nullptr));
  }
  return values;
}

std::vector<double> default_rates(const std::string& rule) {
  return rule.starts_with("adam") ? log_spaced(1e-4, std::pow(10.0, -0.5), 15)
                                  : log_spaced(1e-3, std::pow(10.0, 0.5), 15);
}

}  // namespace nfopt
