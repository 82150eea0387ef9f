#include <nfopt/runtime/compare/run_record.h>
#include <nfopt/runtime/io/atomic_file.h>
#include <nfopt/runtime/train/train_report.h>

#include <cmath>
#include <nlohmann/json.hpp>

namespace nfopt {

std::optional<RunRecord> finished_run(const TrainConfig& config, const std::filesystem::path& folder) {
  std::error_code code;
  if (!std::filesystem::exists(folder / "summary.json", code)) return {};
  const YamlValue before = read_yaml(folder / "config.yaml");
  if (!differences(before, to_yaml_value(config)).empty()) return {};
  const auto json = nlohmann::json::parse(read_file(folder / "summary.json"), nullptr, false);
  if (json.is_discarded() || !json.is_object()) return {};
  const auto real = [&](const char* key) {
    return json.contains(key) && json[key].is_number() ? json[key].get<double>() : std::nan("");
  };
  const auto integer = [&](const char* key) {
    return json.contains(key) && json[key].is_number_integer() ? std::optional(json[key].get<int64_t>()) : std::nullopt;
  };
  const auto text = [&](const char* key) {
    return json.contains(key) && json[key].is_string() ? json[key].get<std::string>() : std::string();
  };
  RunRecord record;
  TrainResult& result = record.result;
  result.finished = json.contains("finished") && json["finished"] == true;
  result.diverged_at = integer("diverged_at");
  if (!result.finished && !result.diverged_at) return {};
  if (result.finished && integer("steps") != config.steps) return {};
  if (text("theta") != theta_fingerprint(config.optimizer)) return {};
  result.step = integer("step").value_or(0);
  result.train_loss = real("train_loss");
  result.train_set_loss = real("train_set_loss");
  result.train_set_accuracy = real("train_set_accuracy");
  result.test_loss = real("test_loss");
  result.test_accuracy = real("test_accuracy");
  result.seconds = real("seconds");
  result.milliseconds_per_step = real("milliseconds_per_step");
  result.parameters = integer("parameters").value_or(0);
  result.optimizer = text("optimizer_summary");
  record.rows = read_metrics(folder / "metrics.csv", metrics_columns());
  return record;
}

}  // namespace nfopt
