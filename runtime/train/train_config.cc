#include <nfopt/runtime/train/train_config.h>

#include <algorithm>
#include <set>

namespace nfopt {
namespace {

// An option of an architecture: what it must be is the architecture's business, which checks it.
std::optional<OptionValue> option_value(const YamlValue& value) {
  if (const auto boolean = as_boolean(value)) return *boolean;
  if (const auto integer = as_integer(value)) return *integer;
  if (const auto real = as_real(value)) return *real;
  if (const auto text = as_text(value)) return *text;
  if (value.kind != YamlValue::Kind::sequence) return {};
  std::vector<int64_t> integers;
  std::vector<std::string> texts;
  for (const YamlValue& item : value.items) {
    if (const auto integer = as_integer(item)) {
      integers.push_back(*integer);
    } else if (const auto text = as_text(item)) {
      texts.push_back(*text);
    } else {
      return {};
    }
  }
  if (!texts.empty() && !integers.empty()) return {};
  if (!texts.empty()) return texts;
  return integers;
}

YamlValue yaml_of(const OptionValue& value) {
  struct Visitor {
    YamlValue operator()(bool v) const { return YamlValue::scalar(v ? "true" : "false"); }
    YamlValue operator()(int64_t v) const { return YamlValue::scalar(std::to_string(v)); }
    YamlValue operator()(double v) const {
      const std::string text = shortest(v);
      // 2 would come back as an integer.
      return YamlValue::scalar(text.find_first_of(".e") == std::string::npos ? text + ".0" : text);
    }
    YamlValue operator()(const std::string& v) const { return YamlValue::text_scalar(v); }
    YamlValue operator()(const std::vector<int64_t>& v) const {
      std::vector<YamlValue> items;
      for (const int64_t item : v) items.push_back((*this)(item));
      return YamlValue::sequence(std::move(items));
    }
    YamlValue operator()(const std::vector<std::string>& v) const {
      std::vector<YamlValue> items;
      for (const std::string& item : v) items.push_back((*this)(item));
      return YamlValue::sequence(std::move(items));
    }
  };
  return std::visit(Visitor{}, value);
}

void read_architecture(TrainConfig& config, YamlMap map) {
  config.architecture = map.text("name");
  for (const std::string& key : map.keys()) {
    if (key == "name") continue;
    if (const auto option = option_value(*map.value(key))) {
      config.architecture_options[key] = *option;
    } else {
      map.problem(key, "expected true or false, a number, a text, or a list of integers or texts, received " +
                           describe(*map.value(key)) + ".");
    }
  }
}

FashionMnistOptions read_fashion_mnist(YamlMap& map) {
  FashionMnistOptions data;
  data.folder = map.text("folder", {}, std::string());
  data.image_size = map.integer("image_size", {.at_least = 0, .at_most = 4096}, 0);
  data.scaling.scale = map.real("scale", {.above = 0.0}, 1.0 / 255.0);
  data.scaling.mean = map.real("mean", {}, 0.0);
  data.scaling.std = map.real("std", {.above = 0.0}, 1.0);
  return data;
}

ByteTextOptions read_byte_text(YamlMap& map) {
  ByteTextOptions data;
  data.file = map.text("file", {}, std::string());
  data.context = map.integer("context", {.at_least = 1, .at_most = 1 << 20}, data.context);
  data.test_share = map.real("test_share", {.above = 0.0, .below = 1.0}, data.test_share);
  return data;
}

void read_data(TrainConfig& config, YamlMap map) {
  if (map.text("name", {"fashion_mnist", "byte_text"}) == "byte_text") {
    config.data = read_byte_text(map);
  } else {
    config.data = read_fashion_mnist(map);
  }
  config.train_examples = map.integer("train_examples", {.at_least = 0}, 0);
  config.test_examples = map.integer("test_examples", {.at_least = 0}, 0);
  map.finish();
}

// Becomes part of a folder's name.
void check_name(YamlMap& map, const std::string& name) {
  const bool fits = name.size() <= 100 && std::all_of(name.begin(), name.end(), [](unsigned char c) {
                      return std::isalnum(c) || c == '_' || c == '-' || c == '.';
                    });
  if (!fits || name.starts_with("."))
    map.problem("name", "expected letters, digits, '_', '-' and '.', at most 100, received '" + name + "'.");
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
  check_name(top, config.name);
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

  YamlMap compare = top.map_or_empty("compare");
  for (const std::string& name : compare.texts("optimizers", {}, std::vector<std::string>{})) {
    YamlValue named = YamlValue::text_scalar(name);
    named.place = compare.value("optimizers")->place;
    read_optimizer(named, presets, problems);
  }
  compare.integers("seeds", {.at_least = 0}, std::vector<int64_t>{});
  compare.finish();
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
  const TrainConfig train = read_train_config(document, file);
  YamlProblems problems("config", file);
  YamlMap top(document, "", problems);
  YamlMap compare = top.map_or_empty("compare");
  CompareConfig config;
  config.optimizers = compare.texts("optimizers", {}, std::vector<std::string>{train.optimizer.name});
  config.seeds = compare.integers("seeds", {.at_least = 0}, std::vector<int64_t>{train.seed});
  const auto check = [&](const char* key, size_t count, size_t distinct) {
    if (count == 0) compare.problem(key, "expected at least one entry.");
    if (distinct < count) compare.problem(key, "an entry is given twice.");
  };
  check("optimizers", config.optimizers.size(), std::set(config.optimizers.begin(), config.optimizers.end()).size());
  check("seeds", config.seeds.size(), std::set(config.seeds.begin(), config.seeds.end()).size());
  problems.throw_if_any();
  return config;
}

YamlValue to_yaml_value(const TrainConfig& config) {
  const auto integer = [](int64_t value) { return YamlValue::scalar(std::to_string(value)); };
  const auto text = [](const std::string& value) { return YamlValue::text_scalar(value); };
  const auto real = [](double value) { return YamlValue::scalar(shortest(value)); };

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

  YamlValue data = YamlValue::map();
  if (const auto* byte_text = std::get_if<ByteTextOptions>(&config.data)) {
    data.set("name", text("byte_text"));
    if (!byte_text->file.empty()) data.set("file", text(byte_text->file));
    data.set("context", integer(byte_text->context));
    data.set("test_share", real(byte_text->test_share));
  } else {
    const auto& images = std::get<FashionMnistOptions>(config.data);
    data.set("name", text("fashion_mnist"));
    if (!images.folder.empty()) data.set("folder", text(images.folder));
    data.set("image_size", integer(images.image_size));
    data.set("scale", real(images.scaling.scale));
    data.set("mean", real(images.scaling.mean));
    data.set("std", real(images.scaling.std));
  }
  data.set("train_examples", integer(config.train_examples));
  data.set("test_examples", integer(config.test_examples));
  root.set("data", std::move(data));

  root.set("loss", text(config.loss));
  root.set("batch_size", integer(config.batch_size));
  root.set("steps", integer(config.steps));
  root.set("optimizer", to_yaml_value(config.optimizer));
  root.set("on_non_finite", text(config.on_non_finite == OnNonFinite::stop ? "stop" : "skip"));

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
