#include "report.h"

#include <nfopt/runtime/io/atomic_file.h>
#include <nfopt/runtime/io/progress.h>
#include <nfopt/runtime/io/svg_plot.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <nlohmann/json.hpp>

namespace {

using Runs = std::vector<PredictorRun>;

Runs runs_of(const Runs& runs, const std::string& predictor) {
  Runs selected;
  for (const PredictorRun& run : runs)
    if (run.options.predictor == predictor) selected.push_back(run);
  return selected;
}

struct MeanAndError {
  double mean = 0, error = 0;  // standard error of the mean; NaN for one seed
};

MeanAndError mean_and_error(const std::vector<double>& values) {
  const auto n = double(values.size());
  MeanAndError result;
  for (const double value : values) result.mean += value / n;
  double squares = 0;
  for (const double value : values) squares += (value - result.mean) * (value - result.mean);
  result.error = n > 1 ? std::sqrt(squares / (n - 1) / n) : std::numeric_limits<double>::quiet_NaN();
  return result;
}

template <class Value>
std::vector<double> each(const Runs& runs, Value value) {
  std::vector<double> values;
  for (const PredictorRun& run : runs) values.push_back(value(run));
  return values;
}

std::string text(const char* format, double value) {
  char buffer[64];
  std::snprintf(buffer, sizeof buffer, format, value);
  return std::isnan(value) ? "-" : buffer;
}

nfopt::Plot scatter(const Runs& runs) {
  nfopt::Plot plot;
  plot.title = "Test accuracy, predicted from weights";
  plot.x_label = "accuracy of the network";
  plot.y_label = "accuracy predicted";
  std::string taus;
  double low = 1, high = 0;
  for (const std::string& name : predictor_names()) {
    const Runs own = runs_of(runs, name);
    if (own.empty()) continue;
    const PredictorRun& run = own.front();
    plot.series.push_back({.label = name, .x = run.actual, .y = run.predicted});
    plot.series.back().line = nfopt::PlotSeries::Line::points;
    low = std::min(low, *std::min_element(run.actual.begin(), run.actual.end()));
    high = std::max(high, *std::max_element(run.actual.begin(), run.actual.end()));
    taus += (taus.empty() ? "" : ", ") + name + " " + text("%.3f", run.test_tau);
    plot.subtitle = std::to_string(run.actual.size()) + " held-out networks, seed " + std::to_string(run.options.seed) +
                    "; Kendall tau: " + taus + "; line: no error";
  }
  plot.series.push_back({.x = {low, high}, .y = {low, high}, .line = nfopt::PlotSeries::Line::faint});
  return plot;
}

nfopt::Plot curves(const Runs& runs) {
  nfopt::Plot plot;
  plot.title = "Kendall tau on the validation networks";
  plot.subtitle = "mean over the seeds; band: lowest to highest seed";
  plot.x_label = "share of the training";
  plot.y_label = "Kendall tau";
  for (const std::string& name : predictor_names()) {
    const Runs own = runs_of(runs, name);
    if (own.empty()) continue;
    nfopt::PlotSeries series{.label = name};
    const size_t epochs = own.front().validation_tau.size();
    for (size_t epoch = 0; epoch < epochs; ++epoch) {
      const std::vector<double> taus = each(own, [&](const PredictorRun& run) { return run.validation_tau[epoch]; });
      series.x.push_back(double(epoch + 1) / double(epochs));
      series.y.push_back(mean_and_error(taus).mean);
      series.low.push_back(*std::min_element(taus.begin(), taus.end()));
      series.high.push_back(*std::max_element(taus.begin(), taus.end()));
    }
    plot.series.push_back(std::move(series));
  }
  return plot;
}

nlohmann::ordered_json json_of(const Runs& runs) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const PredictorRun& run : runs) {
    nlohmann::ordered_json json;
    json["predictor"] = run.options.predictor;
    json["seed"] = run.options.seed;
    json["test_kendall_tau"] = run.test_tau;
    json["test_mean_absolute_error"] = run.test_error;
    json["epochs"] = run.options.epochs;
    json["best_epoch"] = run.best_epoch;
    json["parameters"] = run.parameters;
    json["seconds"] = run.seconds;
    json["train_loss"] = run.train_loss;
    json["validation_kendall_tau"] = run.validation_tau;
    list.push_back(std::move(json));
  }
  return list;
}

}  // namespace

void write_report(const nfopt::Zoo& zoo, const Runs& runs, const std::filesystem::path& folder) {
  std::filesystem::create_directories(folder);
  nlohmann::ordered_json json;
  json["networks"] = zoo.size();
  json["parameters_of_a_network"] = zoo.space->parameter_count();
  for (const std::string& name : predictor_names()) {
    const Runs own = runs_of(runs, name);
    if (own.empty()) continue;
    const MeanAndError tau = mean_and_error(each(own, [](const PredictorRun& run) { return run.test_tau; }));
    json["test_kendall_tau"][name] = {{"mean", tau.mean}, {"standard_error", tau.error}};
  }
  json["runs"] = json_of(runs);
  nfopt::write_atomically(folder / "results.json", json.dump(1) + "\n");

  std::string csv = "predictor,seed,accuracy,predicted\n";
  for (const PredictorRun& run : runs)
    for (size_t i = 0; i < run.actual.size(); ++i)
      csv += run.options.predictor + "," + std::to_string(run.options.seed) + "," + text("%.4f", run.actual[i]) + "," +
             text("%.4f", run.predicted[i]) + "\n";
  nfopt::write_atomically(folder / "predictions.csv", csv);
  nfopt::write_atomically(folder / "scatter.svg", nfopt::to_svg(scatter(runs)));
  nfopt::write_atomically(folder / "curves.svg", nfopt::to_svg(curves(runs)));
}

std::string tau_table(const Runs& runs) {
  std::string table = "predictor  parameters  Kendall tau, mean  standard error  seeds                  error  time\n";
  for (const std::string& name : predictor_names()) {
    const Runs own = runs_of(runs, name);
    if (own.empty()) continue;
    const MeanAndError tau = mean_and_error(each(own, [](const PredictorRun& run) { return run.test_tau; }));
    std::string seeds;
    double seconds = 0, error = 0;
    for (const PredictorRun& run : own) {
      seeds += text("%.3f ", run.test_tau);
      seconds += run.seconds;
      error += run.test_error / double(own.size());
    }
    char line[200];
    std::snprintf(line, sizeof line, "%-9s  %10lld  %17.3f  %14s  %-21s  %.3f  %s\n", name.c_str(),
                  static_cast<long long>(own.front().parameters), tau.mean, text("%.3f", tau.error).c_str(),
                  seeds.c_str(), error, nfopt::duration_text(seconds).c_str());
    table += line;
  }
  return table;
}
