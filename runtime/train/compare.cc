#include <nfopt/nflayers/spec/error.h>
#include <nfopt/runtime/io/atomic_file.h>
#include <nfopt/runtime/io/metrics_log.h>
#include <nfopt/runtime/io/svg_plot.h>
#include <nfopt/runtime/train/compare.h>
#include <nfopt/runtime/train/train_report.h>
#include <nfopt/runtime/version.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

namespace nfopt {
namespace {

ComparedOptimizer::Statistic statistic(const std::vector<TrainResult>& runs, double TrainResult::*value) {
  ComparedOptimizer::Statistic out;
  const auto count = static_cast<double>(runs.size());
  for (const TrainResult& run : runs) out.mean += run.*value / count;
  for (const TrainResult& run : runs) out.deviation += (run.*value - out.mean) * (run.*value - out.mean);
  out.deviation = runs.size() > 1 ? std::sqrt(out.deviation / (count - 1)) : 0;
  return out;
}

std::string cell(const ComparedOptimizer::Statistic& value, int digits, bool several) {
  char text[64];
  if (several) {
    std::snprintf(text, sizeof text, "%.*f +- %.*f", digits, value.mean, digits, value.deviation);
  } else {
    std::snprintf(text, sizeof text, "%.*f", digits, value.mean);
  }
  return text;
}

// The smoothed training loss of every seed, as one curve with the range over the seeds.
PlotSeries curve(const std::string& name, const std::vector<std::filesystem::path>& folders) {
  PlotSeries out;
  out.label = name;
  std::vector<std::vector<double>> seeds;
  for (const std::filesystem::path& folder : folders) {
    std::vector<double> steps, losses;
    for (const MetricsRow& row : read_metrics(folder / "metrics.csv", metrics_columns())) {
      if (std::isnan(row.values[0])) continue;
      steps.push_back(static_cast<double>(row.step));
      losses.push_back(row.values[0]);
    }
    if (out.x.empty()) out.x = steps;
    seeds.push_back(smoothed(losses, std::max<size_t>(1, losses.size() / 40)));
  }
  for (const std::vector<double>& seed : seeds) out.x.resize(std::min(out.x.size(), seed.size()));
  for (size_t i = 0; i < out.x.size(); ++i) {
    double sum = 0, low = INFINITY, high = -INFINITY;
    for (const std::vector<double>& seed : seeds) {
      sum += seed[i];
      low = std::min(low, seed[i]);
      high = std::max(high, seed[i]);
    }
    out.y.push_back(sum / static_cast<double>(seeds.size()));
    out.low.push_back(low);
    out.high.push_back(high);
  }
  if (seeds.size() < 2) out.low = out.high = {};
  return out;
}

nlohmann::ordered_json json_of(const ComparedOptimizer::Statistic& value) {
  return {{"mean", value.mean}, {"deviation", value.deviation}};
}

}  // namespace

TrainConfig config_of_run(const YamlValue& document, const std::string& file, const std::string& optimizer,
                          int64_t seed) {
  YamlValue one = document;
  one.set("optimizer", YamlValue::text_scalar(optimizer));
  one.set("seed", YamlValue::scalar(std::to_string(seed)));
  return read_train_config(one, file);
}

std::filesystem::path folder_of_run(const std::filesystem::path& folder, const TrainConfig& config) {
  return folder / (config.optimizer.name + "-seed" + std::to_string(config.seed));
}

std::optional<TrainResult> finished_run(const TrainConfig& config, const std::filesystem::path& folder) {
  std::error_code code;
  if (!std::filesystem::exists(folder / "summary.json", code)) return {};
  const YamlValue before = read_yaml(folder / "config.yaml");
  if (!differences(before, to_yaml_value(config)).empty()) return {};
  const auto json = nlohmann::json::parse(read_file(folder / "summary.json"), nullptr, false);
  if (json.is_discarded() || !json.is_object() || json.value("step", int64_t{0}) != config.steps) return {};
  const auto real = [&](const char* key) {
    return json.contains(key) && json[key].is_number() ? json[key].get<double>() : std::nan("");
  };
  TrainResult result;
  result.finished = true;
  result.step = config.steps;
  result.train_loss = real("train_loss");
  result.train_set_loss = real("train_set_loss");
  result.train_set_accuracy = real("train_set_accuracy");
  result.test_loss = real("test_loss");
  result.test_accuracy = real("test_accuracy");
  result.seconds = real("seconds");
  result.milliseconds_per_step = real("milliseconds_per_step");
  result.optimizer = json.value("optimizer_summary", std::string());
  return result;
}

ComparedOptimizer summarize(const std::string& optimizer, std::vector<TrainResult> runs) {
  ComparedOptimizer out;
  out.name = optimizer;
  out.train_loss = statistic(runs, &TrainResult::train_loss);
  out.train_set_loss = statistic(runs, &TrainResult::train_set_loss);
  out.test_loss = statistic(runs, &TrainResult::test_loss);
  out.test_accuracy = statistic(runs, &TrainResult::test_accuracy);
  out.milliseconds_per_step = statistic(runs, &TrainResult::milliseconds_per_step);
  out.runs = std::move(runs);
  return out;
}

std::string comparison_table(const std::vector<ComparedOptimizer>& optimizers) {
  std::vector<const ComparedOptimizer*> order;
  for (const ComparedOptimizer& optimizer : optimizers) order.push_back(&optimizer);
  std::stable_sort(order.begin(), order.end(), [](const auto* a, const auto* b) {
    return a->train_loss.mean < b->train_loss.mean ||
           (std::isnan(b->train_loss.mean) && !std::isnan(a->train_loss.mean));
  });
  std::vector<std::vector<std::string>> rows = {
      {"optimizer", "train loss", "train loss, all", "test loss", "test accuracy", "ms/step"}};
  for (const ComparedOptimizer* optimizer : order) {
    const bool several = optimizer->runs.size() > 1;
    rows.push_back({optimizer->name, cell(optimizer->train_loss, 4, several),
                    cell(optimizer->train_set_loss, 4, several), cell(optimizer->test_loss, 4, several),
                    cell(optimizer->test_accuracy, 4, several), cell(optimizer->milliseconds_per_step, 3, false)});
  }
  std::vector<size_t> width(rows[0].size(), 0);
  for (const auto& row : rows)
    for (size_t i = 0; i < row.size(); ++i) width[i] = std::max(width[i], row[i].size());
  std::string text;
  for (const auto& row : rows) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      const std::string room(width[i] - row[i].size(), ' ');
      line += "  " + (i == 0 ? row[i] + room : room + row[i]);
    }
    text += line + "\n";
  }
  return text;
}

void write_comparison(const std::vector<ComparedOptimizer>& optimizers, const YamlValue& document,
                      const std::string& file, const CompareConfig& config, const std::filesystem::path& folder) {
  nlohmann::ordered_json json;
  json["nfopt"] = version();
  json["seeds"] = config.seeds;
  Plot plot;
  for (const ComparedOptimizer& optimizer : optimizers) {
    nlohmann::ordered_json entry;
    entry["name"] = optimizer.name;
    entry["train_loss"] = json_of(optimizer.train_loss);
    entry["train_set_loss"] = json_of(optimizer.train_set_loss);
    entry["test_loss"] = json_of(optimizer.test_loss);
    entry["test_accuracy"] = json_of(optimizer.test_accuracy);
    entry["milliseconds_per_step"] = json_of(optimizer.milliseconds_per_step);
    std::vector<std::filesystem::path> folders;
    for (size_t i = 0; i < config.seeds.size(); ++i) {
      const TrainConfig run = config_of_run(document, file, optimizer.name, config.seeds[i]);
      folders.push_back(folder_of_run(folder, run));
      entry["runs"].push_back({{"seed", config.seeds[i]},
                               {"folder", folders.back().filename().string()},
                               {"train_loss", optimizer.runs[i].train_loss},
                               {"train_set_loss", optimizer.runs[i].train_set_loss},
                               {"test_loss", optimizer.runs[i].test_loss},
                               {"test_accuracy", optimizer.runs[i].test_accuracy},
                               {"milliseconds_per_step", optimizer.runs[i].milliseconds_per_step}});
    }
    json["optimizers"].push_back(std::move(entry));
    plot.series.push_back(curve(optimizer.name, folders));
  }
  const TrainConfig any = config_of_run(document, file, config.optimizers.front(), config.seeds.front());
  plot.title = any.name + ": training loss";
  plot.subtitle = "batch " + std::to_string(any.batch_size) + ", smoothed" +
                  (config.seeds.size() > 1 ? "; mean and range over " + std::to_string(config.seeds.size()) + " seeds"
                                           : ", seed " + std::to_string(config.seeds.front()));
  plot.x_label = "step";
  plot.y_label = "cross entropy (nats)";
  plot.y_scale = Plot::Scale::logarithmic;
  write_atomically(folder / "compare.json", json.dump(2) + "\n");
  write_atomically(folder / "compare.svg", to_svg(plot));
}

}  // namespace nfopt
