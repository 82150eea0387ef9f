#include <nfopt/nflayers/spec/error.h>
#include <nfopt/nflayers/spec/near_names.h>
#include <nfopt/runtime/plugin/options.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <type_traits>

namespace nfopt {
namespace {

Option::Type type_of(const OptionValue& value) { return static_cast<Option::Type>(value.index()); }

bool is_empty_list(const OptionValue& value) {
  if (const auto* numbers = std::get_if<std::vector<int64_t>>(&value)) return numbers->empty();
  if (const auto* texts = std::get_if<std::vector<std::string>>(&value)) return texts->empty();
  return false;
}

// A value as the declared type, or nothing. YAML cannot tell an integer from a real with integral value, nor the
// element type of an empty list; every other conversion would hide a mistake.
std::optional<OptionValue> convert(const OptionValue& value, Option::Type type) {
  if (type_of(value) == type) return value;
  if (type == Option::Type::real && std::holds_alternative<int64_t>(value)) {
    return OptionValue(static_cast<double>(std::get<int64_t>(value)));
  }
  if (is_empty_list(value)) {
    if (type == Option::Type::integers) return OptionValue(std::vector<int64_t>{});
    if (type == Option::Type::texts) return OptionValue(std::vector<std::string>{});
  }
  return std::nullopt;
}

std::vector<std::string> texts_of(const OptionValue& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return {*text};
  if (const auto* texts = std::get_if<std::vector<std::string>>(&value)) return *texts;
  return {};
}

std::string shortest(double value) {
  char buffer[64];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value).ptr;
  return std::string(buffer, end);
}

template <class T>
std::string joined(const std::vector<T>& values) {
  std::string text = "[";
  for (size_t i = 0; i < values.size(); ++i) {
    if (i) text += ", ";
    if constexpr (std::is_same_v<T, std::string>) {
      text += values[i];
    } else {
      text += std::to_string(values[i]);
    }
  }
  return text + "]";
}

}  // namespace

Options::Options(const std::string& architecture, const std::vector<Option>& declared,
                 const std::map<std::string, OptionValue>& given)
    : architecture_(architecture) {
  std::string problems;
  const auto problem = [&](const std::string& text) { problems += "\n       " + text; };

  std::vector<std::string> names;
  for (const auto& option : declared) names.push_back(option.name);
  for (const auto& [name, value] : given) {
    if (std::find(names.begin(), names.end(), name) == names.end()) {
      problem("'" + name + "' is not an option." + known_names(name, names));
    }
  }

  for (const auto& option : declared) {
    const auto found = given.find(option.name);
    if (found == given.end() && option.required) {
      problem("'" + option.name + "' is missing: expected " + to_string(option.type) +
              (option.help.empty() ? "." : ", " + option.help + "."));
      continue;
    }
    const OptionValue& value = found == given.end() ? option.fallback : found->second;
    const auto converted = convert(value, option.type);
    if (!converted) {
      problem("'" + option.name + "' " + (found == given.end() ? "has a default of another type: " : "") + "expected " +
              to_string(option.type) + ", received " + to_string(type_of(value)) + " " + to_string(value) + ".");
      continue;
    }
    for (const auto& text : texts_of(*converted)) {
      if (!option.choices.empty() &&
          std::find(option.choices.begin(), option.choices.end(), text) == option.choices.end()) {
        problem("'" + option.name + "' cannot be '" + text + "'." + known_names(text, option.choices));
      }
    }
    values_.emplace(option.name, *converted);
  }
  if (!problems.empty())
    throw Error("options", "Architecture '" + architecture + "' cannot use these options:" + problems);
}

template <class T>
const T& Options::get(std::string_view name, const char* type) const {
  const auto found = values_.find(std::string(name));
  if (found == values_.end()) {
    std::vector<std::string> names;
    for (const auto& [known, value] : values_) names.push_back(known);
    throw Error("options", "Architecture '" + architecture_ + "' reads option '" + std::string(name) +
                               "', which it does not declare." + known_names(name, names));
  }
  const T* value = std::get_if<T>(&found->second);
  if (!value) {
    throw Error("options", "Architecture '" + architecture_ + "' reads option '" + std::string(name) + "' as " + type +
                               ", but declares it as " + to_string(type_of(found->second)) + ".");
  }
  return *value;
}

bool Options::boolean(std::string_view name) const { return get<bool>(name, "boolean"); }
int64_t Options::integer(std::string_view name) const { return get<int64_t>(name, "integer"); }
double Options::real(std::string_view name) const { return get<double>(name, "real"); }
const std::string& Options::text(std::string_view name) const { return get<std::string>(name, "text"); }
const std::vector<int64_t>& Options::integers(std::string_view name) const {
  return get<std::vector<int64_t>>(name, "list of integers");
}
const std::vector<std::string>& Options::texts(std::string_view name) const {
  return get<std::vector<std::string>>(name, "list of texts");
}

std::string to_string(const OptionValue& value) {
  return std::visit(
      [](const auto& v) -> std::string {
        using T = std::decay_t<decltype(v)>;
        if constexpr (std::is_same_v<T, bool>) {
          return v ? "true" : "false";
        } else if constexpr (std::is_same_v<T, int64_t>) {
          return std::to_string(v);
        } else if constexpr (std::is_same_v<T, double>) {
          return shortest(v);
        } else if constexpr (std::is_same_v<T, std::string>) {
          return v;
        } else {
          return joined(v);
        }
      },
      value);
}

std::string to_string(Option::Type type) {
  switch (type) {
    case Option::Type::boolean:
      return "boolean";
    case Option::Type::integer:
      return "integer";
    case Option::Type::real:
      return "real";
    case Option::Type::text:
      return "text";
    case Option::Type::integers:
      return "list of integers";
    case Option::Type::texts:
      return "list of texts";
  }
  return "unknown";
}

}  // namespace nfopt
