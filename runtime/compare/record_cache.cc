#include <nfopt/nflayers/spec/error.h>
#include <nfopt/runtime/compare/record_cache.h>
#include <nfopt/runtime/io/atomic_file.h>
#include <nfopt/runtime/io/fingerprint.h>
#include <nfopt/runtime/train/train_report.h>
#include <nfopt/runtime/version.h>
#include <torch/version.h>

#include <cmath>
#include <nlohmann/json.hpp>

namespace nfopt {
namespace {

using Json = nlohmann::ordered_json;

// JSON has neither NaN nor infinity; both are texts here, so that a record comes back as it was.
Json number(double value) {
  if (std::isfinite(value)) return value;
  return std::isnan(value) ? "nan" : value > 0 ? "inf" : "-inf";
}

double number(const Json& value) {
  if (value.is_number()) return value.get<double>();
  const auto text = value.get<std::string>();
  return text == "inf" ? INFINITY : text == "-inf" ? -INFINITY : std::nan("");
}

Json to_json(const RunRecord& record) {
  Json json;
  json["finished"] = record.result.finished;
  json["step"] = record.result.step;
  if (record.result.diverged_at) json["diverged_at"] = *record.result.diverged_at;
  json["train_loss"] = number(record.result.train_loss);
  json["test_loss"] = number(record.result.test_loss);
  json["test_accuracy"] = number(record.result.test_accuracy);
  json["milliseconds_per_step"] = number(record.result.milliseconds_per_step);
  json["seconds"] = number(record.result.seconds);
  json["parameters"] = record.result.parameters;
  json["optimizer"] = record.result.optimizer;
  json["columns"] = metrics_columns();
  Json& rows = json["rows"] = Json::array();
  for (const MetricsRow& row : record.rows) {
    Json line = {row.step};
    for (const double value : row.values) line.push_back(number(value));
    rows.push_back(std::move(line));
  }
  return json;
}

RunRecord from_json(const Json& json) {
  RunRecord record;
  record.result.finished = json.at("finished").get<bool>();
  record.result.step = json.at("step").get<int64_t>();
  if (json.contains("diverged_at")) record.result.diverged_at = json["diverged_at"].get<int64_t>();
  record.result.train_loss = number(json.at("train_loss"));
  record.result.test_loss = number(json.at("test_loss"));
  record.result.test_accuracy = number(json.at("test_accuracy"));
  record.result.milliseconds_per_step = number(json.at("milliseconds_per_step"));
  record.result.seconds = number(json.at("seconds"));
  record.result.parameters = json.at("parameters").get<int64_t>();
  record.result.optimizer = json.at("optimizer").get<std::string>();
  if (json.at("columns") != Json(metrics_columns())) throw Error("compare", "other columns");
  for (const Json& line : json.at("rows")) {
    MetricsRow row;
    row.step = line.at(0).get<int64_t>();
    for (size_t i = 0; i < metrics_columns().size(); ++i) row.values.push_back(number(line.at(i + 1)));
    record.rows.push_back(std::move(row));
  }
  return record;
}

}  // namespace

std::string RecordCache::key(const TrainConfig& config) {
  TrainConfig same = config;
  same.name = "x";
  same.optimizer.name = config.optimizer.rule.empty() ? "x" : config.optimizer.rule;
  same.optimizer.theta.clear();
  same.plugins.clear();
  same.checkpoint_every = same.checkpoint_keep = 1;
  return to_yaml(to_yaml_value(same)) + "theta: " + theta_fingerprint(config.optimizer) + "\nnfopt: " + version() +
         "\nlibtorch: " + TORCH_VERSION + "\n";
}

std::filesystem::path RecordCache::file(const TrainConfig& config) const {
  return folder_ / (fingerprint(key(config)) + ".json");
}

std::optional<RunRecord> RecordCache::find(const TrainConfig& config) const {
  std::error_code code;
  const std::filesystem::path path = file(config);
  if (!std::filesystem::exists(path, code)) return {};
  try {
    const Json json = Json::parse(read_file(path));
    if (json.at("key") != key(config)) return {};
    return from_json(json.at("record"));
  } catch (const std::exception&) {
    return {};
  }
}

void RecordCache::store(const TrainConfig& config, const RunRecord& record) const {
  std::error_code code;
  std::filesystem::create_directories(folder_, code);
  if (code)
    throw Error("compare", "cannot make the cache folder '" + folder_.string() + "': " + code.message() +
                               ". Set compare.cache to a folder that can be written.");
  Json json;
  json["key"] = key(config);
  json["record"] = to_json(record);
  write_atomically(file(config), json.dump() + "\n");
}

}  // namespace nfopt
