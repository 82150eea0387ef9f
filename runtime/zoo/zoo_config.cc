#include <nfopt/nflayers/spec/near_names.h>
#include <nfopt/runtime/train/task_config.h>
#include <nfopt/runtime/zoo/member_optimizer.h>
#include <nfopt/runtime/zoo/zoo_config.h>

#include <algorithm>
#include <variant>

namespace nfopt {
namespace {

void read_architecture(ZooConfig& config, YamlMap map) {
  config.architecture = map.text("name");
  config.architecture_options = read_architecture_options(map);
}

void read_data(ZooConfig& config, YamlMap map) {
  const DataOptions options = read_data_options(map);
  if (const auto* images = std::get_if<FashionMnistOptions>(&options)) {
    config.data = *images;
  } else {
    map.problem("name", "a zoo needs data with one label per example: expected fashion_mnist.");
  }
  map.finish();
}

// A number or [low, high].
RealRange read_range(YamlMap& map, const std::string& key, const Range<double>& bounds) {
  if (map.value(key)->kind != YamlValue::Kind::sequence) {
    const double number = map.real(key, bounds);
    return {number, number};
  }
  const std::vector<double> ends = map.reals(key, bounds);
  if (ends.size() == 2 && ends[0] <= ends[1]) return {ends[0], ends[1]};
  map.problem(key, "expected a number or [low, high].");
  return {1, 1};
}

RealRange read_range(YamlMap& map, const char* key, const Range<double>& bounds, RealRange fallback) {
  return map.value(key) != nullptr ? read_range(map, key, bounds) : fallback;  // has() would not count as known
}

IntegerRange read_steps(YamlMap& map) {
  const YamlValue* value = map.value("steps");
  if (value == nullptr || value->kind != YamlValue::Kind::sequence) {
    const int64_t number = map.integer("steps", {.at_least = 1});
    return {number, number};
  }
  const std::vector<int64_t> ends = map.integers("steps", {.at_least = 1});
  if (ends.size() == 2 && ends[0] <= ends[1]) return {ends[0], ends[1]};
  map.problem("steps", "expected a number or [low, high].");
  return {1, 1};
}

void read_optimizers(HyperParameterRanges& draw, YamlMap map) {
  const std::vector<std::string> known = member_optimizer_names();
  for (const std::string& name : map.keys()) {
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      map.value(name);
      map.problem(name, "no optimizer '" + name + "' for a zoo." + known_names(name, known));
    } else {
      draw.optimizers.emplace_back(name, read_range(map, name, {.above = 0.0}));
    }
  }
  map.finish();
}

void read_options(ZooConfig& config, YamlMap map) {
  for (const std::string& name : map.keys()) {
    const YamlValue& value = *map.value(name);
    std::vector<OptionValue> choices;
    for (const YamlValue& item : value.items)
      if (const auto option = option_value(item); option && item.kind == YamlValue::Kind::scalar)
        choices.push_back(*option);
    if (value.kind != YamlValue::Kind::sequence || choices.empty() || choices.size() != value.items.size())
      map.problem(name, "expected a list of numbers or texts to draw from, received " + describe(value) + ".");
    if (config.architecture_options.contains(name)) map.problem(name, "is fixed in 'architecture' already.");
    config.draw.options.emplace_back(name, std::move(choices));
  }
}

void read_draw(ZooConfig& config, YamlMap map) {
  HyperParameterRanges& draw = config.draw;
  read_optimizers(draw, map.map("optimizer"));
  const YamlValue* optimizer = map.value("optimizer");
  if (optimizer != nullptr && optimizer->kind == YamlValue::Kind::map && optimizer->entries.empty())
    map.problem("optimizer", "expected at least one optimizer with its learning rates, e.g. {adam: [0.001, 0.01]}.");
  draw.batch_sizes = map.integers("batch_size", {.at_least = 1}, draw.batch_sizes);
  if (draw.batch_sizes.empty()) map.problem("batch_size", "expected at least one batch size to draw from.");
  draw.steps = read_steps(map);
  draw.initial_scale = read_range(map, "initial_scale", {.above = 0.0}, draw.initial_scale);
  draw.weight_decay = read_range(map, "weight_decay", {.at_least = 0.0}, draw.weight_decay);
  if (draw.weight_decay.low == 0 && draw.weight_decay.high > 0)
    map.problem("weight_decay", "is drawn log-uniformly: expected a lower end above 0, or 0 alone for none.");
  draw.data_share = read_range(map, "data_share", {.at_most = 1.0, .above = 0.0}, draw.data_share);
  draw.label_noise = read_range(map, "label_noise", {.at_least = 0.0, .at_most = 1.0}, draw.label_noise);
  read_options(config, map.map_or_empty("options"));
  map.finish();
}

ZooConfig read(const YamlValue& document, YamlProblems& problems) {
  ZooConfig config;
  YamlMap top(document, "", problems);
  config.name = top.text("name");
  check_run_name(top, config.name);
  config.seed = top.integer("seed", {.at_least = 0}, 0);
  if (top.text("device", {"cpu", "cuda"}, "cpu") == "cuda")
    top.problem("device", "zoos are trained on the CPU: expected cpu, received 'cuda'.");
  config.dtype = top.text("dtype", {"float32", "float64"}, "float32");
  config.threads = top.integer("threads", {.at_least = 0, .at_most = 1024}, 0);
  config.plugins = top.texts("plugins", {}, std::vector<std::string>{});
  config.networks = top.integer("networks", {.at_least = 1, .at_most = 10'000'000});
  config.networks_per_chunk = top.integer("networks_per_chunk", {.at_least = 1, .at_most = 100'000}, 16);
  read_architecture(config, top.map("architecture"));
  read_data(config, top.map("data"));
  read_draw(config, top.map("draw"));

  YamlMap evaluation = top.map_or_empty("evaluation");
  config.train_examples = evaluation.integer("train_examples", {.at_least = 1}, config.train_examples);
  config.test_examples = evaluation.integer("test_examples", {.at_least = 0}, config.test_examples);
  evaluation.finish();
  top.finish();
  return config;
}

YamlValue real(double value) { return YamlValue::scalar(shortest(value)); }
YamlValue integer(int64_t value) { return YamlValue::scalar(std::to_string(value)); }

YamlValue yaml_of(const RealRange& range) {
  if (range.low == range.high) return real(range.low);
  return YamlValue::sequence({real(range.low), real(range.high)});
}

YamlValue yaml_of(const HyperParameterRanges& ranges) {
  YamlValue draw = YamlValue::map(), optimizers = YamlValue::map();
  for (const auto& [name, rates] : ranges.optimizers) optimizers.set(name, yaml_of(rates));
  draw.set("optimizer", std::move(optimizers));
  draw.set("batch_size", nfopt::yaml_of(OptionValue(ranges.batch_sizes)));
  draw.set("steps", ranges.steps.single()
                        ? integer(ranges.steps.low)
                        : YamlValue::sequence({integer(ranges.steps.low), integer(ranges.steps.high)}));
  draw.set("initial_scale", yaml_of(ranges.initial_scale));
  draw.set("weight_decay", yaml_of(ranges.weight_decay));
  draw.set("data_share", yaml_of(ranges.data_share));
  draw.set("label_noise", yaml_of(ranges.label_noise));
  if (ranges.options.empty()) return draw;
  YamlValue options = YamlValue::map();
  for (const auto& [name, choices] : ranges.options) {
    std::vector<YamlValue> items;
    for (const OptionValue& choice : choices) items.push_back(nfopt::yaml_of(choice));
    options.set(name, YamlValue::sequence(std::move(items)));
  }
  draw.set("options", std::move(options));
  return draw;
}

}  // namespace

ZooConfig read_zoo_config(const YamlValue& document, const std::string& file) {
  YamlProblems problems("config", file);
  ZooConfig config = read(document, problems);
  problems.throw_if_any();
  return config;
}

YamlValue to_yaml_value(const ZooConfig& config) {
  YamlValue root = YamlValue::map();
  root.set("name", YamlValue::text_scalar(config.name));
  root.set("seed", integer(config.seed));
  root.set("dtype", YamlValue::text_scalar(config.dtype));
  root.set("threads", integer(config.threads));
  if (!config.plugins.empty()) root.set("plugins", nfopt::yaml_of(OptionValue(config.plugins)));
  root.set("networks", integer(config.networks));
  root.set("networks_per_chunk", integer(config.networks_per_chunk));

  YamlValue architecture = YamlValue::map();
  architecture.set("name", YamlValue::text_scalar(config.architecture));
  for (const auto& [key, value] : config.architecture_options) architecture.set(key, nfopt::yaml_of(value));
  root.set("architecture", std::move(architecture));
  root.set("data", to_yaml_value(DataOptions(config.data)));
  root.set("draw", yaml_of(config.draw));

  YamlValue evaluation = YamlValue::map();
  evaluation.set("train_examples", integer(config.train_examples));
  evaluation.set("test_examples", integer(config.test_examples));
  root.set("evaluation", std::move(evaluation));
  return root;
}

std::filesystem::path default_zoo_folder(const ZooConfig& config) {
  return std::filesystem::path("runs") / (config.name + "-seed" + std::to_string(config.seed));
}

}  // namespace nfopt
