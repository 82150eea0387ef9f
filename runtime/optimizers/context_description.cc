#include <nfopt/nflayers/spec/error.h>
#include <nfopt/nflayers/spec/near_names.h>
#include <nfopt/runtime/optimizers/context_description.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>

namespace nfopt {
namespace {

using Json = nlohmann::ordered_json;
using D = ContextDescription;

const std::pair<const char*, int64_t D::*> kCounts[] = {{"hidden", &D::hidden}, {"rate_units", &D::rate_units}};
const std::pair<const char*, std::vector<double> D::*> kLists[] = {{"momentum_decays", &D::momentum_decays},
                                                                   {"progress_centres", &D::progress_centres}};
const std::pair<const char*, double D::*> kNumbers[] = {
    {"square_decay", &D::square_decay},
    {"loss_decay", &D::loss_decay},
    {"epsilon", &D::epsilon},
    {"row_epsilon", &D::row_epsilon},
    {"column_epsilon", &D::column_epsilon},
    {"floor", &D::floor},
    {"clip", &D::clip},
    {"context_gain", &D::context_gain},
    {"direction_gain", &D::direction_gain},
    {"scale_gain", &D::scale_gain},
    {"scale_limit", &D::scale_limit},
    {"initial_rate", &D::initial_rate},
    {"progress_slope", &D::progress_slope},
    {"progress_without_horizon", &D::progress_without_horizon},
    {"rms_gain", &D::rms_gain},
    {"rms_offset", &D::rms_offset},
    {"count_gain", &D::count_gain},
    {"loss_clip", &D::loss_clip},
};
const std::pair<ContextNominal, const char*> kNominals[] = {{ContextNominal::adam, "adam"},
                                                            {ContextNominal::momentum, "momentum"}};

std::string nominal_name(ContextNominal nominal) {
  for (const auto& [value, name] : kNominals)
    if (nominal == value) return name;
  return "";
}

/// Every entry of the description with its name.
template <class Description, class Visitor>
void visit(Description& d, const Visitor& visitor) {
  for (const auto& [name, field] : kCounts) visitor(name, d.*field);
  for (const auto& [name, field] : kLists) visitor(name, d.*field);
  for (const auto& [name, field] : kNumbers) visitor(name, d.*field);
}

/// report(constant, what is wrong with it)
template <class Report>
void for_each_problem(const ContextDescription& d, const Report& report) {
  const auto require = [&](bool fine, const char* name, const Json& value, const char* expected) {
    if (!fine) report(name, std::string("expected ") + expected + ", received " + value.dump());
  };
  require(d.hidden >= 1 && d.hidden <= 8, "hidden", d.hidden, "1 to 8");
  require(d.rate_units >= 0 && d.rate_units <= 64, "rate_units", d.rate_units, "0 to 64");
  require(d.momentum_decays.size() == 3, "momentum_decays", d.momentum_decays, "three decays");
  const auto is_decay = [](double a) { return a >= 0 && a < 1; };
  for (const double a : d.momentum_decays) require(is_decay(a), "momentum_decays", a, "a decay in [0, 1)");
  require(is_decay(d.square_decay), "square_decay", d.square_decay, "a decay in [0, 1)");
  require(is_decay(d.loss_decay), "loss_decay", d.loss_decay, "a decay in [0, 1)");
  for (const auto& [name, field] : kNumbers) require(std::isfinite(d.*field), name, d.*field, "a finite number");
  for (const char* name : {"epsilon", "row_epsilon", "column_epsilon", "floor", "clip", "initial_rate", "rms_offset"})
    for (const auto& [known, field] : kNumbers)
      if (known == std::string(name)) require(d.*field > 0, name, d.*field, "a positive number");
  require(d.initial_rate <= 1, "initial_rate", d.initial_rate, "at most 1");
}

}  // namespace

void check(const ContextDescription& d) {
  std::string problems;
  for_each_problem(
      d, [&](const std::string& name, const std::string& problem) { problems += "\n  '" + name + "': " + problem; });
  if (!problems.empty()) throw Error("rule", "'context' cannot be built:" + problems);
}

std::string to_json(const ContextDescription& d) {
  Json json;
  visit(d, [&](const char* name, const auto& value) { json[name] = value; });
  json["nominal"] = nominal_name(d.nominal);
  return json.dump();
}

ContextDescription context_from_json(const std::string& text) {
  Json json;
  try {
    json = Json::parse(text);
  } catch (const Json::exception& e) {
    throw Error("rule", "the description of 'context' is not valid JSON: " + std::string(e.what()) + ".");
  }
  ContextDescription d;
  std::string problems;
  std::vector<std::string> known = {"nominal"};
  const auto read = [&](const char* name, auto& value) {
    known.emplace_back(name);
    if (!json.contains(name)) {
      problems += "\n  '" + std::string(name) + "' is missing";
      return;
    }
    try {
      json.at(name).get_to(value);
    } catch (const Json::exception&) {
      problems += "\n  '" + std::string(name) + "' has the wrong type: received " + json.at(name).dump();
    }
  };
  if (!json.is_object()) throw Error("rule", "'rule.context' is not an object.");
  visit(d, read);
  const std::string nominal = json.contains("nominal") ? json.at("nominal").dump() : "nothing";
  bool found = false;
  for (const auto& [value, name] : kNominals) {
    if (nominal != Json(name).dump()) continue;
    d.nominal = value;
    found = true;
  }
  if (!found) problems += "\n  'nominal': expected \"adam\" or \"momentum\", received " + nominal;
  for (const auto& [key, unused] : json.items())
    if (std::find(known.begin(), known.end(), key) == known.end())
      problems += "\n  unknown entry '" + key + "'." + known_names(key, known);
  if (!problems.empty()) throw Error("rule", "the description of 'context' is not valid:" + problems);
  check(d);
  return d;
}

ContextDescription read_context(YamlMap map) {
  ContextDescription d;
  for (const auto& [name, field] : kCounts) d.*field = map.integer(name, {}, d.*field);
  for (const auto& [name, field] : kLists) d.*field = map.reals(name, {}, d.*field);
  for (const auto& [name, field] : kNumbers) d.*field = map.real(name, {}, d.*field);
  std::vector<std::string> nominals;
  for (const auto& [nominal, name] : kNominals) nominals.emplace_back(name);
  const std::string chosen = map.text("nominal", nominals, nominal_name(d.nominal));
  for (const auto& [nominal, name] : kNominals)
    if (chosen == name) d.nominal = nominal;
  map.finish();
  for_each_problem(d, [&](const std::string& name, const std::string& problem) { map.problem(name, problem + "."); });
  return d;
}

YamlValue to_yaml_value(const ContextDescription& d) {
  YamlValue map = YamlValue::map();
  for (const auto& [name, field] : kCounts) map.set(name, YamlValue::scalar(std::to_string(d.*field)));
  for (const auto& [name, field] : kLists) {
    std::vector<YamlValue> items;
    for (const double value : d.*field) items.push_back(YamlValue::scalar(shortest(value)));
    map.set(name, YamlValue::sequence(std::move(items)));
  }
  for (const auto& [name, field] : kNumbers) map.set(name, YamlValue::scalar(shortest(d.*field)));
  map.set("nominal", YamlValue::text_scalar(nominal_name(d.nominal)));
  return map;
}

}  // namespace nfopt
