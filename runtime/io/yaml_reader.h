#pragma once

#include <nfopt/nflayers/spec/export.h>
#include <nfopt/runtime/io/yaml_value.h>

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace nfopt {

/// What is wrong with a document, collected over all of it and thrown as one Error.
class NFOPT_API YamlProblems {
 public:
  /// `component` names who reads ("config"), `subject` what is read ("run.yaml").
  YamlProblems(std::string component, std::string subject)
      : component_(std::move(component)), subject_(std::move(subject)) {}

  void add(const std::string& place, const std::string& message);
  bool empty() const { return problems_.empty(); }
  void throw_if_any() const;

 private:
  std::string component_;
  std::string subject_;
  std::vector<std::pair<std::string, std::string>> problems_;
};

/// The numbers a key accepts. `above` and `below` exclude the bound itself.
template <class T>
struct Range {
  std::optional<T> at_least = {};
  std::optional<T> at_most = {};
  std::optional<T> above = {};
  std::optional<T> below = {};
};

/// Strict, typed reading of one map. Each function reads one key; a key without a fallback must be there. A wrong
/// type, a value out of range and a missing key become problems with file, line and column, the value received and
/// what was expected, and the call returns the fallback or a zero, so that reading goes on and finds the rest.
/// `finish` reports the keys nobody asked for, with the nearest valid one.
///
///   YamlProblems problems("config", "run.yaml");
///   YamlMap top(document, "", problems);
///   const int64_t steps = top.integer("steps", {.at_least = 1});
///   const double lr = top.real("lr", {.above = 0.0}, 0.1);
///   top.finish();
///   problems.throw_if_any();
class NFOPT_API YamlMap {
 public:
  /// `path` is the map's own key ("data", "optimizers.adam"), empty for the document.
  YamlMap(const YamlValue& value, std::string path, YamlProblems& problems);

  bool has(std::string_view key) const { return value_->find(key) != nullptr; }
  const std::string& path() const { return path_; }
  const std::string& place() const { return value_->place; }
  std::vector<std::string> keys() const;

  bool boolean(std::string_view key, std::optional<bool> fallback = {});
  int64_t integer(std::string_view key, Range<int64_t> range = {}, std::optional<int64_t> fallback = {});
  double real(std::string_view key, Range<double> range = {}, std::optional<double> fallback = {});
  /// Empty `choices`: any text. A plain scalar that reads as a number, a boolean or nothing must be in quotes.
  std::string text(std::string_view key, const std::vector<std::string>& choices = {},
                   const std::optional<std::string>& fallback = {});
  std::vector<int64_t> integers(std::string_view key, Range<int64_t> range = {},
                                const std::optional<std::vector<int64_t>>& fallback = {});
  std::vector<double> reals(std::string_view key, Range<double> range = {},
                            const std::optional<std::vector<double>>& fallback = {});
  std::vector<std::string> texts(std::string_view key, const std::vector<std::string>& choices = {},
                                 const std::optional<std::vector<std::string>>& fallback = {});
  /// A map that must be there, or one that is empty when missing.
  YamlMap map(std::string_view key);
  YamlMap map_or_empty(std::string_view key);
  /// The value as written, for readers with their own rules; nullptr when missing. Counts as read.
  const YamlValue* value(std::string_view key);

  void problem(std::string_view key, const std::string& message);  ///< at the key's value
  void finish();

 private:
  std::string full(std::string_view key) const;
  const YamlValue* read(std::string_view key, bool required, const std::string& expected);
  void wrong(std::string_view key, const YamlValue& value, const std::string& expected);
  template <class T, class Parse>
  T one(std::string_view key, const std::string& expected, const std::optional<T>& fallback, Parse parse);
  template <class T, class Parse>
  std::vector<T> list(std::string_view key, const std::string& expected, const std::optional<std::vector<T>>& fallback,
                      Parse parse);

  const YamlValue* value_;
  std::string path_;
  YamlProblems* problems_;
  std::set<std::string, std::less<>> read_;
};

/// How a plain scalar reads: nothing when it is not of this type.
NFOPT_API std::optional<bool> as_boolean(const YamlValue& value);
NFOPT_API std::optional<int64_t> as_integer(const YamlValue& value);
NFOPT_API std::optional<double> as_real(const YamlValue& value);  ///< finite; integers are numbers too
NFOPT_API std::optional<std::string> as_text(const YamlValue& value);

/// The shortest decimal that reads back as the same number.
NFOPT_API std::string shortest(double number);

}  // namespace nfopt
