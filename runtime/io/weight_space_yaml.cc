#include <nfopt/nflayers/spec/description_words.h>
#include <nfopt/nflayers/spec/error.h>
#include <nfopt/runtime/io/template_recognition.h>
#include <nfopt/runtime/io/weight_space_template.h>
#include <nfopt/runtime/io/weight_space_yaml.h>
#include <nfopt/runtime/io/yaml_reader.h>
#include <nfopt/runtime/plugin/description_format.h>

#include <algorithm>
#include <cctype>

namespace nfopt {
namespace {

// ---- reading ------------------------------------------------------------------------------------------------------

Option read_long_option(YamlMap map, const std::string& name) {
  Option option;
  option.name = name;
  const YamlValue* fallback = map.value("default");
  const bool default_is_boolean = fallback != nullptr && as_boolean(*fallback).has_value();
  const std::string type = map.text("type", {"integer", "boolean"}, default_is_boolean ? "boolean" : "integer");
  option.type = type == "boolean" ? Option::Type::boolean : Option::Type::integer;
  option.help = map.text("help", {}, "");
  option.required = map.boolean("required", fallback == nullptr);
  if (option.required && fallback != nullptr) map.problem("required", "a required option has no default.");
  if (!option.required && fallback == nullptr) map.problem("required", "an option that is not required has a default.");
  if (option.type == Option::Type::boolean)
    option.fallback = map.boolean("default", false);
  else
    option.fallback = map.integer("default", {}, int64_t{0});
  map.finish();
  return option;
}

Option read_option(YamlMap& options, const std::string& name) {
  const YamlValue& value = *options.value(name);
  if (value.kind == YamlValue::Kind::map) return read_long_option(options.map(name), name);
  Option option;
  option.name = name;
  if (const auto flag = as_boolean(value)) {
    option.type = Option::Type::boolean;
    option.fallback = *flag;
  } else if (const auto number = as_integer(value)) {
    option.fallback = *number;
  } else {
    options.problem(
        name, "expected an integer, true, false or {type, default, required, help}, received " + describe(value) + ".");
  }
  return option;
}

bool is_identifier(const std::string& name, bool capitals) {
  if (name.empty() || std::isdigit(static_cast<unsigned char>(name[0]))) return false;
  return std::all_of(name.begin(), name.end(), [&](unsigned char c) {
    return std::islower(c) || std::isdigit(c) || c == '_' || (capitals && std::isupper(c));
  });
}

// {small: {width: 4, bias: false}}: the options of networks that the conformance tests build. Those that are not named
// have their defaults.
std::vector<Example> read_examples(YamlMap& examples, const std::vector<Option>& declared) {
  std::vector<Example> result;
  for (const auto& name : examples.keys()) {
    Example example;
    example.name = name;
    if (!is_identifier(name, false))
      examples.problem(name, "the name of an example consists of a-z, 0-9 and '_', received '" + name + "'.");
    YamlMap options = examples.map(name);
    for (const auto& option : declared) {
      if (!options.has(option.name) && !option.required) continue;
      if (option.type == Option::Type::boolean)
        example.options[option.name] = options.boolean(option.name);
      else
        example.options[option.name] = options.integer(option.name);
    }
    options.finish();
    result.push_back(std::move(example));
  }
  return result;
}

class DescribedArchitecture final : public Architecture {
 public:
  DescribedArchitecture(const YamlValue& document, std::string file) : file_(std::move(file)) {
    YamlProblems problems("spec", file_);
    YamlMap top(document, "", problems);
    info_.name = top.text("architecture");
    if (!info_.name.empty() && !is_identifier(info_.name, false))
      top.problem("architecture", "a name consists of a-z, 0-9 and '_', received '" + info_.name + "'.");
    info_.summary = top.text("summary", {}, "");
    YamlMap options = top.map_or_empty("options");
    for (const auto& name : options.keys()) {
      info_.options.push_back(read_option(options, name));
      if (!is_identifier(name, true))
        options.problem(name, "an option is a letter followed by letters, digits and '_'.");
    }
    YamlMap examples = top.map_or_empty("examples");
    examples_ = read_examples(examples, info_.options);
    if (const YamlValue* tensors = top.value("tensors"))
      items_ = read_template(*tensors, problems);
    else if (document.kind == YamlValue::Kind::map)
      problems.add(document.place, "tensors is missing: expected the list of the network's tensors.");
    top.finish();
    problems.throw_if_any();
  }

  ArchitectureInfo info() const override { return info_; }
  std::vector<Example> examples() const override { return examples_; }

  std::vector<TensorDescription> describe(const Options& options) const override {
    Variables variables;
    for (const auto& option : info_.options)
      variables[option.name] = option.type == Option::Type::boolean ? static_cast<int64_t>(options.boolean(option.name))
                                                                    : options.integer(option.name);
    YamlProblems problems("spec", file_);
    std::vector<TensorDescription> tensors = expand_template(items_, variables, problems);
    problems.throw_if_any();
    return tensors;
  }

  std::optional<std::map<std::string, OptionValue>> recognize(const NamedShapes& shapes) const override {
    return recognize_template(*this, items_, shapes);
  }

 private:
  std::string file_;
  ArchitectureInfo info_;
  std::vector<Example> examples_;
  std::vector<TemplateItem> items_;
};

std::string architecture_name(const std::filesystem::path& file) {
  const YamlValue document = read_yaml(file);
  YamlProblems problems("spec", file.string());
  YamlMap top(document, "", problems);
  const std::string name = top.text("architecture");
  problems.throw_if_any();
  return name;
}

ArchitecturePtr read_architecture(const std::filesystem::path& file) {
  return architecture_from_yaml(read_yaml(file), file.string());
}

const RegisterDescriptionFormat yaml_format({".yaml", architecture_name, read_architecture});

// ---- writing ------------------------------------------------------------------------------------------------------

YamlValue integer(int64_t number) { return YamlValue::scalar(std::to_string(number)); }
YamlValue text(const std::string& text) { return YamlValue::text_scalar(text); }

YamlValue texts(const std::vector<std::string>& list) {
  std::vector<YamlValue> items;
  for (const auto& item : list) items.push_back(text(item));
  return YamlValue::sequence(std::move(items));
}

// "{" in a name would be read as the beginning of an expression; only a stack's "{i}" may stand.
void refuse_braces(const TensorDescription& tensor) {
  std::vector<std::string> names{tensor.name, tensor.block};
  names.insert(names.end(), tensor.tied.begin(), tensor.tied.end());
  if (tensor.stack) names.push_back(tensor.stack->of);
  for (std::string name : names) {
    if (tensor.stack)
      for (size_t at = name.find("{i}"); at != std::string::npos; at = name.find("{i}")) name.erase(at, 3);
    if (name.find('{') != std::string::npos)
      throw SpecError("'" + tensor.name + "' cannot be written as YAML: '{' begins an expression there. Rename it.");
  }
}

YamlValue tensor_map(const TensorDescription& tensor) {
  YamlValue map = YamlValue::map();
  refuse_braces(tensor);
  map.set("name", text(tensor.name));
  std::vector<YamlValue> shape;
  for (const int64_t length : tensor.shape) shape.push_back(integer(length));
  if (!shape.empty()) map.set("shape", YamlValue::sequence(std::move(shape)));
  if (tensor.kind != Kind::parameter) map.set("kind", text(to_word(tensor.kind)));
  if (tensor.role != Role::weight) map.set("role", text(to_word(tensor.role)));
  if (!tensor.block.empty()) map.set("block", text(tensor.block));
  if (!tensor.slots.empty()) {
    std::vector<std::string> letters;
    for (const Slot slot : tensor.slots) letters.push_back(to_word(slot));
    map.set("slots", texts(letters));
  }
  if (!tensor.tied.empty()) map.set("tied", texts(tensor.tied));
  if (tensor.stack) {
    YamlValue stack = YamlValue::map();
    stack.set("over", text(tensor.stack->over));
    stack.set("of", text(tensor.stack->of));
    map.set("stack", std::move(stack));
  }
  if (!tensor.axes.empty()) map.set("axes", text(tensor.axes));
  std::vector<YamlValue> views;
  for (const auto& [axis, start, stop, axes] : tensor.views) {
    YamlValue slice = YamlValue::map();
    slice.set("axis", integer(axis));
    slice.set("start", integer(start));
    slice.set("stop", integer(stop));
    YamlValue view = YamlValue::map();
    view.set("slice", std::move(slice));
    view.set("axes", text(axes));
    views.push_back(std::move(view));
  }
  if (!views.empty()) map.set("views", YamlValue::sequence(std::move(views)));
  return map;
}

}  // namespace

ArchitecturePtr architecture_from_yaml(const YamlValue& document, const std::string& file) {
  return std::make_shared<DescribedArchitecture>(document, file);
}

bool describes_tensors(const YamlValue& document) { return document.find("tensors") != nullptr; }

std::string to_yaml(const WeightSpace& space, std::string_view name) {
  std::string out = "architecture: " + to_yaml(text(std::string(name))) + "tensors:\n";
  for (const auto& tensor : space.descriptions()) {
    // A list is written on one line: "[{name: ..}]". One line per tensor is that line without the list's brackets.
    const std::string line = to_yaml(YamlValue::sequence({tensor_map(tensor)}));
    out += "  - " + line.substr(1, line.size() - 3) + "\n";
  }
  return out;
}

}  // namespace nfopt
