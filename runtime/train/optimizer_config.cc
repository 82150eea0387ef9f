#include <nfopt/nflayers/spec/near_names.h>
#include <nfopt/runtime/io/file_beside_config.h>
#include <nfopt/runtime/optimizers/rule_presets.h>
#include <nfopt/runtime/train/optimizer_config.h>

#include <algorithm>
#include <filesystem>

namespace nfopt {
namespace {

const std::vector<std::string> kTorchRules = {"sgd", "sgdm", "adam", "adamw"};

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool names_theta_file(const std::string& name) { return name.ends_with(".safetensors"); }

std::vector<std::string> rule_names() {
  std::vector<std::string> names = kTorchRules;
  for (const std::string& preset : rule_preset_names())
    if (!contains(names, preset)) names.push_back(preset);
  return names;
}

// The settings given beside the name lie on top of the preset's.
YamlValue merged(const YamlValue& preset, const YamlValue& given) {
  YamlValue both = preset.kind == YamlValue::Kind::map ? preset : YamlValue::map();
  both.place = given.place;
  for (const YamlEntry& entry : given.entries) both.set(entry.key, entry.value);
  for (YamlEntry& entry : both.entries)
    if (const YamlValue* own = given.find(entry.key)) entry.place = own->place;
  return both;
}

// LibTorch ends with an internal error where a rate does not fit the parameters' type.
const Range<double> kRates = {.at_least = 0.0, .at_most = 1e38};

void read_settings(OptimizerConfig& config, YamlMap& map) {
  if (config.rule == "sgd" || config.rule == "sgdm") {
    config.lr = map.real("lr", kRates, 0.1);
    if (config.rule == "sgdm") {
      config.momentum = map.real("momentum", {.at_least = 0.0, .below = 1.0}, 0.9);
      config.dampening = map.real("dampening", {.at_least = 0.0, .at_most = 1.0}, 0.0);
      config.nesterov = map.boolean("nesterov", false);
      if (config.nesterov && (config.momentum == 0 || config.dampening != 0))
        map.problem("nesterov", "needs a momentum above 0 and a dampening of 0.");
    }
  } else if (config.rule == "adam" || config.rule == "adamw") {
    config.lr = map.real("lr", kRates, 1e-3);
    config.beta1 = map.real("beta1", {.at_least = 0.0, .below = 1.0}, 0.9);
    config.beta2 = map.real("beta2", {.at_least = 0.0, .below = 1.0}, 0.999);
    config.epsilon = map.real("epsilon", {.above = 0.0}, 1e-8);
  } else {
    config.lr = map.real("lr", kRates, 1.0);  // 1: as meta-trained
    config.theta = map.text("theta", {}, config.theta);
    if (map.has("theta")) config.theta = found_beside(config.theta, map.value("theta")->place);
  }
  const bool cosine = map.text("lr_schedule", {"constant", "cosine"}, "constant") == "cosine";
  config.schedule.decay = cosine ? LrSchedule::Decay::cosine : LrSchedule::Decay::constant;
  config.schedule.warmup = map.integer("warmup", {.at_least = 0}, 0);
  config.weight_decay = map.real("weight_decay", {.at_least = 0.0}, config.rule == "adamw" ? 0.01 : 0.0);
}

}  // namespace

bool OptimizerConfig::learned() const { return !contains(kTorchRules, rule); }

std::vector<std::string> optimizer_names(const YamlValue& presets) {
  std::vector<std::string> names;
  for (const YamlEntry& entry : presets.entries) names.push_back(entry.key);
  for (const std::string& rule : rule_names())
    if (!contains(names, rule)) names.push_back(rule);
  return names;
}

OptimizerConfig read_optimizer(const YamlValue& value, const YamlValue& presets, YamlProblems& problems) {
  OptimizerConfig config;
  YamlValue given = value;
  if (value.kind == YamlValue::Kind::scalar) {
    given = YamlValue::map();
    given.place = value.place;
    given.set("name", value);
  }
  YamlMap named(given, "optimizer", problems);
  config.name = named.text("name");
  if (config.name.empty()) return config;
  if (names_theta_file(config.name)) {
    config.theta = config.name;
    config.name = std::filesystem::path(config.name).stem().string();
  }

  const YamlValue* preset = presets.find(config.name);
  const bool known = preset != nullptr || contains(rule_names(), config.name) || named.has("rule") ||
                     named.has("theta") || !config.theta.empty();
  if (!known) {
    named.problem("name",
                  "unknown optimizer '" + config.name + "'." + known_names(config.name, optimizer_names(presets)));
    return config;
  }
  const YamlValue settings = merged(preset != nullptr ? *preset : YamlValue(), given);
  YamlMap map(settings, "optimizer", problems);
  map.text("name");
  const bool from_file = !config.theta.empty() || map.has("theta");
  config.rule = map.text("rule", rule_names(), contains(rule_names(), config.name) ? config.name : std::string());
  if (config.rule.empty() && !from_file && !map.has("rule"))
    map.problem("name", "preset '" + config.name + "' says neither 'rule' nor 'theta'.");
  read_settings(config, map);
  map.finish();
  return config;
}

YamlValue to_yaml_value(const OptimizerConfig& config) {
  YamlValue map = YamlValue::map();
  const auto number = [&](const char* key, double value) { map.set(key, YamlValue::scalar(shortest(value))); };
  map.set("name", YamlValue::text_scalar(config.name));
  if (!config.rule.empty()) map.set("rule", YamlValue::text_scalar(config.rule));
  number("lr", config.lr);
  if (config.rule == "sgdm") {
    number("momentum", config.momentum);
    number("dampening", config.dampening);
    map.set("nesterov", YamlValue::scalar(config.nesterov ? "true" : "false"));
  }
  if (config.rule == "adam" || config.rule == "adamw") {
    number("beta1", config.beta1);
    number("beta2", config.beta2);
    number("epsilon", config.epsilon);
  }
  number("weight_decay", config.weight_decay);
  const bool cosine = config.schedule.decay == LrSchedule::Decay::cosine;
  map.set("lr_schedule", YamlValue::text_scalar(cosine ? "cosine" : "constant"));
  map.set("warmup", YamlValue::scalar(std::to_string(config.schedule.warmup)));
  if (!config.theta.empty()) map.set("theta", YamlValue::text_scalar(config.theta));
  return map;
}

}  // namespace nfopt
