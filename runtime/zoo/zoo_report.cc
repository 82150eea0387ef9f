#include <nfopt/runtime/io/atomic_file.h>
#include <nfopt/runtime/io/progress.h>
#include <nfopt/runtime/io/svg_plot.h>
#include <nfopt/runtime/version.h>
#include <nfopt/runtime/zoo/zoo_report.h>
#include <torch/version.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

namespace nfopt {
namespace {

struct Counts {
  int64_t diverged = 0;
  std::vector<double> test, train;  ///< accuracies, rising
};

Counts count(const std::vector<ZooNetwork>& networks) {
  Counts counts;
  for (const ZooNetwork& network : networks) {
    if (network.diverged_at >= 0) ++counts.diverged;
    if (std::isfinite(network.test_accuracy)) counts.test.push_back(network.test_accuracy);
    if (std::isfinite(network.train_accuracy)) counts.train.push_back(network.train_accuracy);
  }
  std::sort(counts.test.begin(), counts.test.end());
  std::sort(counts.train.begin(), counts.train.end());
  return counts;
}

double quantile(const std::vector<double>& rising, double q) {
  if (rising.empty()) return 0;
  return rising[static_cast<size_t>(std::lround(q * static_cast<double>(rising.size() - 1)))];
}

PlotSeries curve(const std::string& label, const std::vector<double>& rising) {
  PlotSeries series;
  series.label = label;
  for (size_t i = 0; i < rising.size(); ++i) {
    series.x.push_back(static_cast<double>(i + 1) / static_cast<double>(rising.size()));
    series.y.push_back(rising[i]);
  }
  return series;
}

std::string quantiles_text(const std::vector<double>& rising) {
  char text[160];
  std::snprintf(text, sizeof text, "lowest %.3f  quarter %.3f  median %.3f  three quarters %.3f  highest %.3f",
                quantile(rising, 0), quantile(rising, 0.25), quantile(rising, 0.5), quantile(rising, 0.75),
                quantile(rising, 1));
  return text;
}

}  // namespace

void write_zoo_report(const ZooConfig& config, const ZooResult& result, const std::filesystem::path& folder) {
  const Counts counts = count(result.networks);
  write_atomically(folder / "networks.json", zoo_networks_to_json(result.networks, 1) + "\n");
  write_atomically(folder / "networks.csv", zoo_networks_to_csv(result.networks));

  Plot plot;
  plot.title = config.name + ": accuracies";
  plot.subtitle = std::to_string(result.networks.size()) + " networks, " + config.architecture + ", seed " +
                  std::to_string(config.seed) + "; each curve in its own order";
  plot.x_label = "share of the networks";
  plot.y_label = "correct (share)";
  plot.series = {curve("test", counts.test), curve("train", counts.train)};
  write_atomically(folder / "accuracy.svg", to_svg(plot));

  nlohmann::ordered_json json;
  json["name"] = config.name;
  json["seed"] = config.seed;
  json["networks"] = result.networks.size();
  json["diverged"] = counts.diverged;
  json["test_accuracy"] = {{"lowest", quantile(counts.test, 0)},
                           {"median", quantile(counts.test, 0.5)},
                           {"highest", quantile(counts.test, 1)}};
  json["trained_by_this_process"] = result.trained;
  json["seconds"] = result.seconds;
  json["nfopt"] = version();
  json["libtorch"] = TORCH_VERSION;
  write_atomically(folder / "summary.json", json.dump(2) + "\n");
}

std::string zoo_summary_table(const ZooConfig& config, const ZooResult& result, const std::filesystem::path& folder) {
  const Counts counts = count(result.networks);
  std::string text = config.name + ", " + config.architecture + ", seed " + std::to_string(config.seed) + "\n";
  const auto line = [&](std::string label, const std::string& value) {
    label.resize(18, ' ');
    text += "  " + label + value + "\n";
  };
  line("networks", std::to_string(result.networks.size()) + ", of these " + std::to_string(result.trained) +
                       " trained now, " + std::to_string(counts.diverged) + " diverged");
  line("test accuracy", quantiles_text(counts.test));
  line("train accuracy", quantiles_text(counts.train));
  line("time", duration_text(result.seconds));
  line("files", folder.string() + "/: config.yaml shards/ networks.csv networks.json accuracy.svg summary.json");
  return text;
}

}  // namespace nfopt
