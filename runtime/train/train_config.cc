#include <nfopt/runtime/train/task_config.h>
#include <nfopt/runtime/train/train_config.h>

#include <algorithm>

namespace nfopt {
namespace {

void read_architecture(TrainConfig& config, YamlMap map) {
  config.architecture = map.text("name");
  config.architecture_options = read_architecture_options(map);
}

void read_data(TrainConfig& config, YamlMap map) {
  config.data = read_data_options(map);
  config.train_examples = map.integer("train_examples", {.at_least = 0}, 0);
  config.test_examples = map.integer("test_examples", {.at_least = 0}, 0);
  map.finish();
}

const YamlValue& presets_of(YamlMap& top, YamlProblems& problems) {
  static const YamlValue kNone = YamlValue::map();
  const YamlValue* presets = top.value("optimizers");
  if (presets == nullptr) return kNone;
  // Presets that are not used are checked as well: a typo should not wait for the day somebody picks it.
  YamlMap each(*presets, "optimizers", problems);
  for (const std::string& name : each.keys()) {
    each.map(name);
    YamlValue named = YamlValue::text_scalar(name);
    named.place = presets->find(name)->place;
    if (presets->find(name)->kind == YamlValue::Kind::map) read_optimizer(named, *presets, problems);
  }
  return presets->kind == YamlValue::Kind::map ? *presets : kNone;
}

TrainConfig read(const YamlValue& document, YamlProblems& problems) {
  TrainConfig config;
  YamlMap top(document, "", problems);
  config.name = top.text("name");
  check_run_name(top, config.name);
  config.seed = top.integer("seed", {.at_least = 0}, 0);
  config.device = top.text("device", {"cpu", "cuda"}, "cpu");
  config.dtype = top.text("dtype", {"float32", "float64"}, "float32");
  config.threads = top.integer("threads", {.at_least = 1, .at_most = 1024}, 1);
  config.plugins = top.texts("plugins", {}, std::vector<std::string>{});
  read_architecture(config, top.map("architecture"));
  read_data(config, top.map("data"));
  config.loss = top.text("loss", {"cross_entropy"}, "cross_entropy");
  config.batch_size = top.integer("batch_size", {.at_least = 1}, 128);
  config.steps = top.integer("steps", {.at_least = 1});
  config.on_non_finite =
      top.text("on_non_finite", {"stop", "skip"}, "stop") == "stop" ? OnNonFinite::stop : OnNonFinite::skip;

  if (top.has("early_stop")) config.early_stop = read_early_stop(top.map("early_stop"));

  const YamlValue& presets = presets_of(top, problems);
  if (const YamlValue* optimizer = top.value("optimizer")) {
    config.optimizer = read_optimizer(*optimizer, presets, problems);
  } else {
    top.text("optimizer", optimizer_names(presets));
  }

  YamlMap log = top.map_or_empty("log");
  config.log_every = log.integer("every", {.at_least = 1}, 10);
  log.finish();
  YamlMap evaluation = top.map_or_empty("evaluation");
  config.evaluate_every = evaluation.integer("every", {.at_least = 1}, 200);
  evaluation.finish();
  YamlMap checkpoint = top.map_or_empty("checkpoint");
  config.checkpoint_every = checkpoint.integer("every", {.at_least = 1}, 200);
  config.checkpoint_keep = checkpoint.integer("keep", {.at_least = 1, .at_most = 1000}, 2);
  checkpoint.finish();

  read_compare_section(top.map_or_empty("compare"), presets, problems);
  top.finish();
  return config;
}

}  // namespace

YamlValue load_config(const std::filesystem::path& file, const std::vector<std::string>& overrides) {
  YamlValue document = read_yaml(file);
  for (const std::string& assignment : overrides) apply_override(document, assignment);
  return document;
}

TrainConfig read_train_config(const YamlValue& document, const std::string& file) {
  YamlProblems problems("config", file);
  TrainConfig config = read(document, problems);
  problems.throw_if_any();
  return config;
}

CompareConfig read_compare_config(const YamlValue& document, const std::string& file) {
  const TrainConfig train = read_train_config(document, file);  // the section's problems are found here, too
  YamlProblems problems("config", file);
  YamlMap top(document, "", problems);
  const YamlValue* presets = document.find("optimizers");
  CompareConfig config =
      read_compare_section(top.map_or_empty("compare"), presets != nullptr ? *presets : YamlValue::map(), problems);
  problems.throw_if_any();
  if (config.optimizers.empty()) config.optimizers = {train.optimizer.name};
  if (config.seeds.empty()) config.seeds = {train.seed};
  return config;
}

YamlValue to_yaml_value(const TrainConfig& config) {
  const auto integer = [](int64_t value) { return YamlValue::scalar(std::to_string(value)); };
  const auto text = [](const std::string& value) { return YamlValue::text_scalar(value); };

  YamlValue root = YamlValue::map();
  root.set("name", text(config.name));
  root.set("seed", integer(config.seed));
  root.set("device", text(config.device));
  root.set("dtype", text(config.dtype));
  root.set("threads", integer(config.threads));
  if (!config.plugins.empty()) root.set("plugins", yaml_of(config.plugins));

  YamlValue architecture = YamlValue::map();
  architecture.set("name", text(config.architecture));
  for (const auto& [key, value] : config.architecture_options) architecture.set(key, yaml_of(value));
  root.set("architecture", std::move(architecture));

  YamlValue data = to_yaml_value(config.data);
  data.set("train_examples", integer(config.train_examples));
  data.set("test_examples", integer(config.test_examples));
  root.set("data", std::move(data));

  root.set("loss", text(config.loss));
  root.set("batch_size", integer(config.batch_size));
  root.set("steps", integer(config.steps));
  root.set("optimizer", to_yaml_value(config.optimizer));
  root.set("on_non_finite", text(config.on_non_finite == OnNonFinite::stop ? "stop" : "skip"));

  if (config.early_stop) root.set("early_stop", to_yaml_value(*config.early_stop));

  const auto section = [&](const char* key, std::initializer_list<std::pair<const char*, int64_t>> entries) {
    YamlValue map = YamlValue::map();
    for (const auto& [name, value] : entries) map.set(name, integer(value));
    root.set(key, std::move(map));
  };
  section("log", {{"every", config.log_every}});
  section("evaluation", {{"every", config.evaluate_every}});
  section("checkpoint", {{"every", config.checkpoint_every}, {"keep", config.checkpoint_keep}});
  return root;
}

std::vector<std::string> differences(const YamlValue& before, const YamlValue& now, const std::string& path) {
  const auto one_line = [](const YamlValue& value) {
    std::string text = value.kind == YamlValue::Kind::map ? "{..}" : to_yaml(value);
    while (!text.empty() && text.back() == '\n') text.pop_back();
    return text;
  };
  if (before.kind != YamlValue::Kind::map || now.kind != YamlValue::Kind::map) {
    if (to_yaml(before) == to_yaml(now)) return {};
    return {path + " (" + one_line(before) + ", now " + one_line(now) + ")"};
  }
  static const YamlValue kNothing;
  std::vector<std::string> keys;
  for (const YamlValue* side : {&before, &now})
    for (const YamlEntry& entry : side->entries)
      if (std::find(keys.begin(), keys.end(), entry.key) == keys.end()) keys.push_back(entry.key);
  std::vector<std::string> out;
  for (const std::string& key : keys) {
    const YamlValue* a = before.find(key);
    const YamlValue* b = now.find(key);
    for (std::string& line :
         differences(a != nullptr ? *a : kNothing, b != nullptr ? *b : kNothing, path.empty() ? key : path + "." + key))
      out.push_back(std::move(line));
  }
  return out;
}

}  // namespace nfopt
