#include <nfopt/runtime/meta/task_family_config.h>
#include <nfopt/runtime/train/task_config.h>

namespace nfopt {
namespace {

YamlValue integer(int64_t value) { return YamlValue::scalar(std::to_string(value)); }
YamlValue real(double value) { return YamlValue::scalar(shortest(value)); }

// A number or [low, high].
IntegerRange integer_range(YamlMap& map, const char* key, IntegerRange fallback) {
  const YamlValue* value = map.value(key);
  if (value == nullptr) return fallback;
  if (value->kind != YamlValue::Kind::sequence) {
    const int64_t number = map.integer(key, {.at_least = 1});
    return {number, number};
  }
  const std::vector<int64_t> ends = map.integers(key, {.at_least = 1});
  if (ends.size() == 2 && ends[0] <= ends[1]) return {ends[0], ends[1]};
  if (!ends.empty()) map.problem(key, "expected a number or [low, high].");
  return fallback;
}

RealRange real_range(YamlMap& map, const char* key, RealRange fallback) {
  const YamlValue* value = map.value(key);
  if (value == nullptr) return fallback;
  if (value->kind != YamlValue::Kind::sequence) {
    const double number = map.real(key, {.above = 0.0});
    return {number, number};
  }
  const std::vector<double> ends = map.reals(key, {.above = 0.0});
  if (ends.size() == 2 && ends[0] <= ends[1]) return {ends[0], ends[1]};
  if (!ends.empty()) map.problem(key, "expected a number or [low, high].");
  return fallback;
}

YamlValue yaml_of(const IntegerRange& range) {
  if (range.single()) return integer(range.low);
  return YamlValue::sequence({integer(range.low), integer(range.high)});
}

YamlValue yaml_of(const RealRange& range) {
  if (range.low == range.high) return real(range.low);
  return YamlValue::sequence({real(range.low), real(range.high)});
}

void read_architecture(TaskFamilyOptions& family, YamlMap map) {
  family.architecture = map.text("name");
  family.options = read_architecture_options(map);
}

OptionDraw read_draw(YamlMap& draws, const std::string& name) {
  OptionDraw draw;
  draw.name = name;
  const YamlValue& value = *draws.value(name);
  if (value.kind == YamlValue::Kind::sequence) {
    for (const YamlValue& item : value.items) {
      const auto option = option_value(item);
      if (option) draw.choices.push_back(*option);
      if (!option) draws.problem(name, "cannot be the value of an option: " + describe(item) + ".");
    }
    if (value.items.empty()) draws.problem(name, "expected at least one value to draw from.");
    return draw;
  }
  YamlMap range = draws.map(name);
  draw.value = IntegerRange{range.integer("from", {.at_least = 1}), range.integer("to", {.at_least = 1})};
  if (draw.value->low > draw.value->high) range.problem("to", "expected at least 'from'.");
  if (range.has("count")) draw.count = integer_range(range, "count", {1, 1});
  range.finish();
  return draw;
}

void read_data(TaskFamilyOptions& family, YamlMap& map, YamlProblems& problems) {
  const auto read_one = [&](YamlMap data) {
    family.data.push_back(read_data_options(data));
    data.finish();
  };
  const YamlValue* value = map.value("data");
  if (value == nullptr || value->kind != YamlValue::Kind::sequence) return read_one(map.map("data"));
  if (value->items.empty()) map.problem("data", "expected at least one data set.");
  for (const YamlValue& item : value->items) read_one(YamlMap(item, map.path() + ".data", problems));
}

}  // namespace

TaskFamilyOptions read_task_family(YamlMap& map, const std::string& name, YamlProblems& problems) {
  TaskFamilyOptions family;
  family.name = name;
  read_data(family, map, problems);
  read_architecture(family, map.map("architecture"));
  YamlMap draws = map.map_or_empty("draw");
  for (const std::string& option : draws.keys()) {
    if (family.options.contains(option)) draws.problem(option, "is fixed in 'architecture' already.");
    family.drawn_options.push_back(read_draw(draws, option));
  }
  family.batch_size = integer_range(map, "batch_size", family.batch_size);
  family.horizon = integer_range(map, "horizon", family.horizon);
  family.loss_exponent = map.real("loss_exponent", {.at_least = 0.0, .at_most = 10.0}, family.loss_exponent);
  family.initial_scale = real_range(map, "initial_scale", family.initial_scale);
  family.permute_labels = map.boolean("permute_labels", false);
  family.merge_probability = map.real("merge_classes", {.at_least = 0.0, .at_most = 1.0}, 0.0);
  YamlMap noise = map.map_or_empty("label_noise");
  family.noise_probability = noise.real("share", {.at_least = 0.0, .at_most = 1.0}, 0.0);
  family.noise_max = noise.real("up_to", {.at_least = 0.0, .at_most = 1.0}, family.noise_max);
  noise.finish();
  return family;
}

YamlValue to_yaml_value(const TaskFamilyOptions& family) {
  YamlValue map = YamlValue::map();
  std::vector<YamlValue> data;
  for (const DataOptions& options : family.data) data.push_back(to_yaml_value(options));
  map.set("data", data.size() == 1 ? data.front() : YamlValue::sequence(std::move(data)));

  YamlValue architecture = YamlValue::map();
  architecture.set("name", YamlValue::text_scalar(family.architecture));
  for (const auto& [key, value] : family.options) architecture.set(key, nfopt::yaml_of(value));
  map.set("architecture", std::move(architecture));

  if (!family.drawn_options.empty()) {
    YamlValue draws = YamlValue::map();
    for (const OptionDraw& draw : family.drawn_options) {
      if (!draw.value) {
        std::vector<YamlValue> choices;
        for (const OptionValue& choice : draw.choices) choices.push_back(nfopt::yaml_of(choice));
        draws.set(draw.name, YamlValue::sequence(std::move(choices)));
        continue;
      }
      YamlValue range = YamlValue::map();
      range.set("from", integer(draw.value->low));
      range.set("to", integer(draw.value->high));
      if (draw.count) range.set("count", yaml_of(*draw.count));
      draws.set(draw.name, std::move(range));
    }
    map.set("draw", std::move(draws));
  }
  map.set("batch_size", yaml_of(family.batch_size));
  map.set("horizon", yaml_of(family.horizon));
  map.set("loss_exponent", real(family.loss_exponent));
  map.set("initial_scale", yaml_of(family.initial_scale));
  map.set("permute_labels", YamlValue::scalar(family.permute_labels ? "true" : "false"));
  map.set("merge_classes", real(family.merge_probability));
  YamlValue noise = YamlValue::map();
  noise.set("share", real(family.noise_probability));
  noise.set("up_to", real(family.noise_max));
  map.set("label_noise", std::move(noise));
  return map;
}

}  // namespace nfopt
