#include <nfopt/nflayers/spec/error.h>
#include <nfopt/nflayers/spec/near_names.h>
#include <nfopt/runtime/io/yaml_reader.h>

#include <algorithm>
#include <charconv>
#include <cmath>

namespace nfopt {
namespace {

const YamlValue kEmptyMap = YamlValue::map();

template <class T>
std::optional<T> parse_number(const YamlValue& value) {
  if (value.kind != YamlValue::Kind::scalar || value.quoted) return {};
  const char* begin = value.text.data();
  const char* end = begin + value.text.size();
  if (begin != end && *begin == '+') ++begin;
  T number{};
  const auto [stop, code] = std::from_chars(begin, end, number);
  if (code != std::errc() || stop != end) return {};
  return number;
}

std::string to_text(int64_t number) { return std::to_string(number); }
std::string to_text(double number) { return shortest(number); }

template <class T>
bool inside(const Range<T>& range, T number) {
  return !(range.at_least && number < *range.at_least) && !(range.at_most && number > *range.at_most) &&
         !(range.above && number <= *range.above) && !(range.below && number >= *range.below);
}

template <class T>
std::string expected_number(const std::string& kind, const Range<T>& range) {
  std::vector<std::string> parts;
  if (range.at_least) parts.push_back("at least " + to_text(*range.at_least));
  if (range.above) parts.push_back("above " + to_text(*range.above));
  if (range.at_most) parts.push_back("at most " + to_text(*range.at_most));
  if (range.below) parts.push_back("below " + to_text(*range.below));
  std::string out = kind;
  for (size_t i = 0; i < parts.size(); ++i) out += (i == 0 ? " " : " and ") + parts[i];
  return out;
}

std::string expected_text(const std::string& kind, const std::vector<std::string>& choices) {
  if (choices.empty()) return kind;
  std::string out = "one of ";
  for (size_t i = 0; i < choices.size(); ++i) out += (i ? ", " : "") + choices[i];
  return out;
}

bool chosen(const std::vector<std::string>& choices, const std::string& text) {
  return choices.empty() || std::find(choices.begin(), choices.end(), text) != choices.end();
}

template <class T>
auto number_in(const Range<T>& range) {
  return [range](const YamlValue& value) -> std::optional<T> {
    std::optional<T> number;
    if constexpr (std::is_same_v<T, int64_t>) {
      number = as_integer(value);
    } else {
      number = as_real(value);
    }
    if (number && !inside(range, *number)) number.reset();
    return number;
  };
}

auto text_in(const std::vector<std::string>& choices) {
  return [&choices](const YamlValue& value) -> std::optional<std::string> {
    std::optional<std::string> text = as_text(value);
    if (text && !chosen(choices, *text)) text.reset();
    return text;
  };
}

}  // namespace

std::string shortest(double number) {
  char buffer[32];
  const auto [end, code] = std::to_chars(buffer, buffer + sizeof buffer, number);
  return code == std::errc() ? std::string(buffer, end) : std::to_string(number);
}

std::optional<bool> as_boolean(const YamlValue& value) {
  if (value.kind != YamlValue::Kind::scalar || value.quoted) return {};
  if (value.text == "true") return true;
  if (value.text == "false") return false;
  return {};
}

std::optional<int64_t> as_integer(const YamlValue& value) { return parse_number<int64_t>(value); }

std::optional<double> as_real(const YamlValue& value) {
  const std::optional<double> number = parse_number<double>(value);
  return number && std::isfinite(*number) ? number : std::nullopt;
}

std::optional<std::string> as_text(const YamlValue& value) {
  if (value.kind != YamlValue::Kind::scalar) return {};
  if (!value.quoted && (as_boolean(value) || parse_number<double>(value))) return {};
  return value.text;
}

void YamlProblems::add(const std::string& place, const std::string& message) {
  if (std::none_of(problems_.begin(), problems_.end(),
                   [&](const auto& known) { return known.first == place && known.second == message; }))
    problems_.emplace_back(place, message);
}

void YamlProblems::throw_if_any() const {
  if (problems_.empty()) return;
  if (problems_.size() == 1) throw Error(component_, problems_[0].first + ": " + problems_[0].second);
  std::string text = std::to_string(problems_.size()) + " problems in " + subject_ + ":";
  for (const auto& [place, message] : problems_) text += "\n  " + place + ": " + message;
  throw Error(component_, text);
}

YamlMap::YamlMap(const YamlValue& value, std::string path, YamlProblems& problems)
    : value_(&value), path_(std::move(path)), problems_(&problems) {
  if (value.kind == YamlValue::Kind::map) return;
  problems.add(value.place,
               (path_.empty() ? "the document" : path_) + ": expected a map, received " + describe(value) + ".");
  value_ = &kEmptyMap;
}

std::vector<std::string> YamlMap::keys() const {
  std::vector<std::string> keys;
  for (const YamlEntry& entry : value_->entries) keys.push_back(entry.key);
  return keys;
}

std::string YamlMap::full(std::string_view key) const {
  return path_.empty() ? std::string(key) : path_ + "." + std::string(key);
}

const YamlValue* YamlMap::read(std::string_view key, bool required, const std::string& expected) {
  read_.emplace(key);
  const YamlValue* found = value_->find(key);
  // A map that was never there, or was no map, has been reported already.
  if (found == nullptr && required && value_ != &kEmptyMap)
    problems_->add(value_->place, full(key) + " is missing: expected " + expected + ".");
  return found;
}

void YamlMap::wrong(std::string_view key, const YamlValue& value, const std::string& expected) {
  problems_->add(value.place, full(key) + ": expected " + expected + ", received " + describe(value) + ".");
}

void YamlMap::problem(std::string_view key, const std::string& message) {
  const YamlValue* found = value_->find(key);
  problems_->add(found != nullptr ? found->place : value_->place, full(key) + ": " + message);
}

template <class T, class Parse>
T YamlMap::one(std::string_view key, const std::string& expected, const std::optional<T>& fallback, Parse parse) {
  if (const YamlValue* found = read(key, !fallback, expected)) {
    if (std::optional<T> parsed = parse(*found)) return *parsed;
    wrong(key, *found, expected);
  }
  return fallback.value_or(T{});
}

template <class T, class Parse>
std::vector<T> YamlMap::list(std::string_view key, const std::string& expected,
                             const std::optional<std::vector<T>>& fallback, Parse parse) {
  const YamlValue* found = read(key, !fallback, "a list, each " + expected);
  if (found == nullptr) return fallback.value_or(std::vector<T>{});
  if (found->kind != YamlValue::Kind::sequence) {
    wrong(key, *found, "a list, each " + expected);
    return fallback.value_or(std::vector<T>{});
  }
  std::vector<T> out;
  for (size_t i = 0; i < found->items.size(); ++i) {
    if (std::optional<T> parsed = parse(found->items[i])) {
      out.push_back(*parsed);
    } else {
      wrong(std::string(key) + "[" + std::to_string(i) + "]", found->items[i], expected);
    }
  }
  return out;
}

bool YamlMap::boolean(std::string_view key, std::optional<bool> fallback) {
  return one<bool>(key, "true or false", fallback, as_boolean);
}

int64_t YamlMap::integer(std::string_view key, Range<int64_t> range, std::optional<int64_t> fallback) {
  return one<int64_t>(key, expected_number("an integer", range), fallback, number_in(range));
}

double YamlMap::real(std::string_view key, Range<double> range, std::optional<double> fallback) {
  return one<double>(key, expected_number("a number", range), fallback, number_in(range));
}

std::string YamlMap::text(std::string_view key, const std::vector<std::string>& choices,
                          const std::optional<std::string>& fallback) {
  return one<std::string>(key, expected_text("a text", choices), fallback, text_in(choices));
}

std::vector<int64_t> YamlMap::integers(std::string_view key, Range<int64_t> range,
                                       const std::optional<std::vector<int64_t>>& fallback) {
  return list<int64_t>(key, expected_number("an integer", range), fallback, number_in(range));
}

std::vector<double> YamlMap::reals(std::string_view key, Range<double> range,
                                   const std::optional<std::vector<double>>& fallback) {
  return list<double>(key, expected_number("a number", range), fallback, number_in(range));
}

std::vector<std::string> YamlMap::texts(std::string_view key, const std::vector<std::string>& choices,
                                        const std::optional<std::vector<std::string>>& fallback) {
  return list<std::string>(key, expected_text("a text", choices), fallback, text_in(choices));
}

YamlMap YamlMap::map(std::string_view key) {
  const YamlValue* found = read(key, true, "a map");
  return YamlMap(found != nullptr ? *found : kEmptyMap, full(key), *problems_);
}

YamlMap YamlMap::map_or_empty(std::string_view key) {
  const YamlValue* found = read(key, false, "a map");
  return YamlMap(found != nullptr ? *found : kEmptyMap, full(key), *problems_);
}

const YamlValue* YamlMap::value(std::string_view key) { return read(key, false, "a value"); }

void YamlMap::finish() {
  const std::vector<std::string> known(read_.begin(), read_.end());
  for (const YamlEntry& entry : value_->entries)
    if (!read_.contains(entry.key))
      problems_->add(entry.place, "unknown key '" + full(entry.key) + "'." + known_names(entry.key, known));
}

}  // namespace nfopt
