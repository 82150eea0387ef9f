#include <nfopt/runtime/train/task_config.h>

#include <algorithm>

namespace nfopt {
namespace {

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

}  // namespace

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

std::map<std::string, OptionValue> read_architecture_options(YamlMap& map) {
  std::map<std::string, OptionValue> options;
  for (const std::string& key : map.keys()) {
    if (key == "name") continue;
    if (const auto option = option_value(*map.value(key))) {
      options[key] = *option;
    } else {
      map.problem(key, "expected true or false, a number, a text, or a list of integers or texts, received " +
                           describe(*map.value(key)) + ".");
    }
  }
  return options;
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

DataOptions read_data_options(YamlMap& map) {
  if (map.text("name", {"fashion_mnist", "byte_text"}) == "byte_text") return read_byte_text(map);
  return read_fashion_mnist(map);
}

YamlValue to_yaml_value(const DataOptions& options) {
  const auto integer = [](int64_t value) { return YamlValue::scalar(std::to_string(value)); };
  const auto text = [](const std::string& value) { return YamlValue::text_scalar(value); };
  const auto real = [](double value) { return YamlValue::scalar(shortest(value)); };

  YamlValue data = YamlValue::map();
  if (const auto* byte_text = std::get_if<ByteTextOptions>(&options)) {
    data.set("name", text("byte_text"));
    if (!byte_text->file.empty()) data.set("file", text(byte_text->file));
    data.set("context", integer(byte_text->context));
    data.set("test_share", real(byte_text->test_share));
  } else {
    const auto& images = std::get<FashionMnistOptions>(options);
    data.set("name", text("fashion_mnist"));
    if (!images.folder.empty()) data.set("folder", text(images.folder));
    data.set("image_size", integer(images.image_size));
    data.set("scale", real(images.scaling.scale));
    data.set("mean", real(images.scaling.mean));
    data.set("std", real(images.scaling.std));
  }
  return data;
}

void check_run_name(YamlMap& map, const std::string& name) {
  const bool fits = name.size() <= 100 && std::all_of(name.begin(), name.end(), [](unsigned char c) {
                      return std::isalnum(c) || c == '_' || c == '-' || c == '.';
                    });
  if (!fits || name.starts_with("."))
    map.problem("name", "expected letters, digits, '_', '-' and '.', at most 100, received '" + name + "'.");
}

}  // namespace nfopt
