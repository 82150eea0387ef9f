#include <nfopt/runtime/io/atomic_file.h>
#include <nfopt/runtime/io/metrics_log.h>
#include <nfopt/runtime/io/progress.h>
#include <nfopt/runtime/io/svg_plot.h>
#include <nfopt/runtime/meta/meta_metrics.h>
#include <nfopt/runtime/meta/meta_report.h>
#include <nfopt/runtime/version.h>
#include <torch/version.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

namespace nfopt {
namespace {

using Json = nlohmann::ordered_json;

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

std::string number(double value, int digits) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", digits, value);
  return std::isfinite(value) ? text : "-";
}

Json json_number(double value) { return std::isfinite(value) ? Json(value) : Json(); }

double median(std::vector<double> values) {
  if (values.empty()) return std::numeric_limits<double>::quiet_NaN();
  std::sort(values.begin(), values.end());
  const size_t n = values.size();
  return n % 2 == 1 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

Plot meta_loss_plot(const MetaTrainConfig& config, const std::vector<MetricsRow>& rows) {
  Plot plot;
  plot.title = config.name + ": meta-loss";
  plot.subtitle = config.rule + ", " + config.estimator.method + ", seed " + std::to_string(config.seed) +
                  "; smoothed, raw values faint";
  plot.x_label = "outer step";
  plot.y_label = "training loss of the windows (nats)";
  PlotSeries raw = series(rows, 0, "windows");
  PlotSeries smooth = raw;
  raw.line = PlotSeries::Line::faint;
  smooth.y = smoothed(raw.y, std::max<size_t>(1, raw.y.size() / 40));
  plot.series = {raw, smooth};
  return plot;
}

Plot evaluation_plot(const MetaTrainConfig& config, const std::vector<MetricsRow>& rows) {
  Plot plot;
  plot.title = config.name + ": held-out tasks";
  plot.subtitle = config.rule + ", unperturbed theta; 1 is a uniform guess";
  plot.x_label = "outer step";
  plot.y_label = "training loss / ln(outputs)";
  plot.series = {series(rows, 7, "mean of the trajectory"), series(rows, 8, "last tenth")};
  return plot;
}

// Steps on the x-axis where all tasks of all families have the same horizon, else the share of it.
Plot inner_curves_plot(const MetaTrainConfig& config, const MetaTrainResult& result) {
  const auto horizon = [&](const TaskFamilyOptions& family) {
    return config.evaluation_steps > 0 ? IntegerRange{config.evaluation_steps, config.evaluation_steps}
                                       : family.horizon;
  };
  const std::vector<TaskFamilyOptions>& families = config.evaluation_families;
  const int64_t steps = horizon(families.front()).high;
  const bool same = std::all_of(families.begin(), families.end(), [&](const TaskFamilyOptions& family) {
    return horizon(family).single() && horizon(family).low == steps;
  });
  Plot plot;
  plot.title = config.name + ": training with the meta-trained rule";
  plot.subtitle = "mean over " + std::to_string(config.evaluation_tasks) +
                  " held-out tasks per family; best: outer step " + std::to_string(result.best_step) +
                  ", last: outer step " + std::to_string(result.step);
  plot.x_label = same ? "step" : "share of the horizon";
  plot.y_label = "training loss / ln(outputs)";
  plot.y_scale = Plot::Scale::logarithmic;
  const auto add = [&](const MetaEvaluation& evaluation, const std::string& label) {
    for (size_t f = 0; f < families.size(); ++f) {
      PlotSeries line;
      line.label = families.size() > 1 ? label + ", " + families[f].name : label;
      line.y = evaluation.curve(static_cast<int64_t>(f));
      for (size_t k = 0; k < line.y.size(); ++k)
        line.x.push_back((static_cast<double>(k) + 0.5) / static_cast<double>(line.y.size()) *
                         (same ? static_cast<double>(steps) : 1.0));
      plot.series.push_back(std::move(line));
    }
  };
  add(result.start, "start");
  add(result.best, "best");
  if (result.best_step != result.step) add(result.last, "last");
  return plot;
}

std::string start_text(const MetaTrainConfig& config) {
  std::string text = !config.theta.empty()     ? config.theta
                     : config.clipped_momentum ? "clipped momentum"
                                               : "published initial values";
  if (!config.init.empty()) text += ", then 'init' of the config";
  return text;
}

Json json_of(const MetaEvaluation& evaluation) {
  if (!evaluation.done()) return {};
  return {{"mean", json_number(evaluation.mean())}, {"last_tenth", json_number(evaluation.last())}};
}

}  // namespace

void write_meta_plots(const MetaTrainConfig& config, const MetaTrainResult& result,
                      const std::filesystem::path& folder) {
  const std::vector<MetricsRow> rows = read_metrics(folder / "metrics.csv", meta_metrics_columns(config));
  write_atomically(folder / "meta_loss.svg", to_svg(meta_loss_plot(config, rows)));
  if (!result.start.done()) return;
  write_atomically(folder / "evaluation.svg", to_svg(evaluation_plot(config, rows)));
  write_atomically(folder / "inner_curves.svg", to_svg(inner_curves_plot(config, result)));
}

std::string training_record(const MetaTrainConfig& config, const MetaTrainResult& result,
                            const std::vector<RunPiece>& pieces, const std::string& selected, int64_t step,
                            const MetaEvaluation& evaluation) {
  Json json;
  json["name"] = config.name;
  json["rule"] = config.rule;
  json["estimator"] = config.estimator.method;
  json["selected"] = selected;
  json["outer_step"] = step;
  json["outer_steps_of_the_run"] = result.step;
  json["inner_steps_of_the_run"] = result.inner_steps;
  json["seed"] = config.seed;
  json["evaluation"] = json_of(evaluation);
  json["evaluation_at_the_start"] = json_of(result.start);
  double seconds = 0;
  Json list = Json::array();
  for (const RunPiece& piece : pieces) {
    seconds += piece.seconds;
    list.push_back({{"outer_steps", {piece.first_step, piece.last_step}},
                    {"seconds", piece.seconds},
                    {"ranks", piece.ranks},
                    {"threads_per_rank", piece.threads},
                    {"nfopt", piece.nfopt}});
  }
  json["seconds"] = seconds;
  json["pieces"] = std::move(list);
  json["start"] = start_text(config);
  if (!config.note.empty()) json["note"] = config.note;
  json["libtorch"] = TORCH_VERSION;
  json["config"] = to_yaml(to_yaml_value(config));
  return json.dump();
}

void write_meta_summary(const MetaTrainConfig& config, const MetaTrainResult& result,
                        const std::filesystem::path& folder) {
  Json json;
  json["name"] = config.name;
  json["rule"] = config.rule;
  json["estimator"] = config.estimator.method;
  json["seed"] = config.seed;
  json["finished"] = result.finished;
  json["outer_step"] = result.step;
  json["outer_steps"] = config.outer_steps;
  json["inner_steps"] = result.inner_steps;
  json["meta_parameters"] = result.meta_parameters;
  json["particles"] = result.particles;
  json["diverged"] = result.diverged;
  json["dropped"] = result.dropped;
  json["meta_loss"] = json_number(result.meta_loss);
  json["evaluation_at_the_start"] = json_of(result.start);
  json["evaluation_best"] = json_of(result.best);
  json["evaluation_last"] = json_of(result.last);
  json["best_outer_step"] = result.best_step;
  json["first_step_of_this_process"] = result.first_step;
  json["seconds"] = result.seconds;
  json["seconds_of_all_pieces"] = json_number(result.total_seconds);
  json["seconds_per_outer_step_median"] = json_number(median(result.step_seconds));
  json["seconds_per_outer_step_minimum"] =
      result.step_seconds.empty() ? Json()
                                  : Json(*std::min_element(result.step_seconds.begin(), result.step_seconds.end()));
  const size_t shown = std::min<size_t>(result.step_seconds.size(), 100);
  json["seconds_of_outer_steps"] = std::vector<double>(result.step_seconds.end() - static_cast<ptrdiff_t>(shown),
                                                       result.step_seconds.end());  // the last 100
  json["inner_steps_per_second"] = json_number(result.inner_steps_per_second);
  json["threads_per_rank"] = result.threads;
  json["ranks"] = result.ranks;
  json["nfopt"] = version();
  json["libtorch"] = TORCH_VERSION;
  write_atomically(folder / "summary.json", json.dump(2) + "\n");
}

std::string meta_summary_table(const MetaTrainConfig& config, const MetaTrainResult& result,
                               const std::filesystem::path& folder) {
  std::string text = config.name + ", " + config.rule + ", " + config.estimator.method + ", seed " +
                     std::to_string(config.seed) + "\n";
  const auto line = [&](const std::string& label, const std::string& value) {
    text += "  " + label + std::string(label.size() < 24 ? 24 - label.size() : 1, ' ') + value + "\n";
  };
  const auto evaluation = [&](const MetaEvaluation& e) {
    return number(e.mean(), 4) + "  last tenth " + number(e.last(), 4);
  };
  line("meta-parameters", std::to_string(result.meta_parameters));
  line("outer steps",
       std::to_string(result.step) + " of " + std::to_string(config.outer_steps) +
           (result.first_step > 0 ? " (this process from " + std::to_string(result.first_step) + ")" : std::string()));
  line("inner steps",
       std::to_string(result.inner_steps) + ", " + number(result.inner_steps_per_second, 0) + " per second here");
  line("meta-loss", number(result.meta_loss, 4) + " nats");
  if (result.start.done()) {
    line("held-out, start", evaluation(result.start) + "  (1: a uniform guess)");
    line("held-out, best", evaluation(result.best) + "  outer step " + std::to_string(result.best_step));
    line("held-out, last", evaluation(result.last));
  }
  if (result.diverged > 0 || result.dropped > 0)
    line("contained", std::to_string(result.diverged) + " members that diverged, " + std::to_string(result.dropped) +
                          " contributions left out");
  line("time", duration_text(result.seconds) + " here, " + duration_text(result.total_seconds) + " in all; " +
                   std::to_string(result.ranks) + (result.ranks == 1 ? " process, " : " processes, ") +
                   std::to_string(result.threads) + (result.threads == 1 ? " thread" : " threads"));
  line("files", folder.string() + "/: " + (result.best.done() ? "theta-best.safetensors " : "") +
                    "theta-last.safetensors config.yaml metrics.jsonl metrics.csv *.svg summary.json pieces.json "
                    "checkpoints/");
  return text;
}

}  // namespace nfopt
