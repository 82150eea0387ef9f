#include <nfopt/nflayers/spec/error.h>
#include <nfopt/runtime/io/atomic_file.h>
#include <nfopt/runtime/io/fingerprint.h>
#include <nfopt/runtime/io/metrics_log.h>
#include <nfopt/runtime/io/progress.h>
#include <nfopt/runtime/io/svg_plot.h>
#include <nfopt/runtime/train/train_report.h>
#include <nfopt/runtime/version.h>
#include <torch/version.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

namespace nfopt {
namespace {

PlotSeries series(const std::vector<MetricsRow>& rows, size_t column, const std::string& label) {
  PlotSeries out;
  out.label = label;
  for (const MetricsRow& row : rows) {
    if (std::isnan(row.values[column])) continue;
    out.x.push_back(static_cast<double>(row.step));
    out.y.push_back(row.values[column]);
  }
  return out;
}

std::vector<PlotSeries> curves(const std::vector<MetricsRow>& rows, size_t train, size_t test) {
  PlotSeries raw = series(rows, train, "train");
  PlotSeries smooth = raw;
  raw.line = PlotSeries::Line::faint;
  smooth.y = smoothed(raw.y, std::max<size_t>(1, raw.y.size() / 40));
  return {raw, smooth, series(rows, test, "test")};
}

std::string number(double value, int digits) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", digits, value);
  return std::isnan(value) ? "-" : text;
}

nlohmann::ordered_json json_number(double value) {
  return std::isfinite(value) ? nlohmann::ordered_json(value) : nlohmann::ordered_json();
}

}  // namespace

std::vector<std::filesystem::path> write_train_plots(const TrainConfig& config, const std::filesystem::path& folder) {
  const std::vector<MetricsRow> rows = read_metrics(folder / "metrics.csv", metrics_columns());
  Plot loss;
  loss.title = config.name + ": loss";
  loss.subtitle = config.optimizer.name + ", seed " + std::to_string(config.seed) + ", batch " +
                  std::to_string(config.batch_size) + "; train smoothed, raw values faint";
  loss.x_label = "step";
  loss.y_label = "cross entropy (nats)";
  loss.y_scale = Plot::Scale::logarithmic;
  loss.series = curves(rows, 0, 2);

  Plot accuracy = loss;
  accuracy.title = config.name + ": accuracy";
  accuracy.y_label = "correct (share)";
  accuracy.y_scale = Plot::Scale::linear;
  accuracy.series = curves(rows, 1, 3);

  write_atomically(folder / "loss.svg", to_svg(loss));
  write_atomically(folder / "accuracy.svg", to_svg(accuracy));
  return {folder / "loss.svg", folder / "accuracy.svg"};
}

std::filesystem::path write_train_summary(const TrainConfig& config, const TrainResult& result,
                                          const std::filesystem::path& folder) {
  nlohmann::ordered_json json;
  json["name"] = config.name;
  json["optimizer"] = config.optimizer.name;
  json["optimizer_summary"] = result.optimizer;
  json["seed"] = config.seed;
  json["finished"] = result.finished;
  json["step"] = result.step;
  json["steps"] = config.steps;
  if (result.diverged_at) json["diverged_at"] = *result.diverged_at;
  if (!config.optimizer.theta.empty()) json["theta"] = theta_fingerprint(config.optimizer);
  json["parameters"] = result.parameters;
  json["train_loss"] = json_number(result.train_loss);
  json["train_set_loss"] = json_number(result.train_set_loss);
  json["train_set_accuracy"] = json_number(result.train_set_accuracy);
  json["test_loss"] = json_number(result.test_loss);
  json["test_accuracy"] = json_number(result.test_accuracy);
  json["first_step_of_this_process"] = result.first_step;
  json["seconds"] = result.seconds;
  json["milliseconds_per_step"] = json_number(result.milliseconds_per_step);
  json["device"] = config.device;
  json["threads"] = config.threads;
  json["nfopt"] = version();
  json["libtorch"] = TORCH_VERSION;
  const std::filesystem::path file = folder / "summary.json";
  write_atomically(file, json.dump(2) + "\n");
  return file;
}

std::string theta_fingerprint(const OptimizerConfig& config) {
  if (config.theta.empty()) return "";
  try {
    return fingerprint(read_file(config.theta));
  } catch (const Error&) {
    return "missing";
  }
}

std::string summary_table(const TrainConfig& config, const TrainResult& result, const std::filesystem::path& folder) {
  std::string text;
  const auto line = [&](const std::string& label, const std::string& value) {
    text += "  " + label + std::string(label.size() < 24 ? 24 - label.size() : 1, ' ') + value + "\n";
  };
  text += config.name + ", " + config.optimizer.name + ", seed " + std::to_string(config.seed) + "\n";
  line("optimizer", result.optimizer);
  line("network", config.architecture + ", " + std::to_string(result.parameters) + " parameters");
  line("steps", std::to_string(result.step) +
                    (result.first_step > 0 ? " (this process from " + std::to_string(result.first_step) + ")" : ""));
  line("train loss", number(result.train_loss, 4) + "  mean over the last steps");
  line("train loss, all", number(result.train_set_loss, 4) + "  accuracy " + number(result.train_set_accuracy, 4));
  line("test loss", number(result.test_loss, 4));
  line("test accuracy", number(result.test_accuracy, 4));
  line("time", duration_text(result.seconds) + ", " + number(result.milliseconds_per_step, 3) + " ms/step");
  line("files",
       folder.string() +
           "/: config.yaml metrics.jsonl metrics.csv events.out.tfevents.* loss.svg accuracy.svg summary.json " +
           "checkpoints/");
  return text;
}

}  // namespace nfopt
