#pragma once

#include <nfopt/nflayers/spec/export.h>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace nfopt {

/// A value of an architecture's option: what YAML can say in one line.
using OptionValue = std::variant<bool, int64_t, double, std::string, std::vector<int64_t>, std::vector<std::string>>;

/// One declared option. `fallback` is its default; an option without one (`required`) must be given.
struct Option {
  enum class Type : uint8_t { boolean, integer, real, text, integers, texts };
  std::string name;
  Type type = Type::integer;
  bool required = false;
  OptionValue fallback;
  std::string help;
  std::vector<std::string> choices;  ///< for text and texts; empty: anything
};

/// Checked option values of one network. Reading an undeclared name or another type throws Error.
class NFOPT_API Options {
 public:
  Options() = default;

  /// Checks `given` against `declared`: unknown names (with near misses), missing required ones, wrong types, values
  /// outside the choices. Throws one Error that lists all of them. An integer is accepted where a real is declared.
  Options(const std::string& architecture, const std::vector<Option>& declared,
          const std::map<std::string, OptionValue>& given);

  bool boolean(std::string_view name) const;
  int64_t integer(std::string_view name) const;
  double real(std::string_view name) const;
  const std::string& text(std::string_view name) const;
  const std::vector<int64_t>& integers(std::string_view name) const;
  const std::vector<std::string>& texts(std::string_view name) const;

  const std::map<std::string, OptionValue>& values() const { return values_; }

 private:
  template <class T>
  const T& get(std::string_view name, const char* type) const;
  std::string architecture_;
  std::map<std::string, OptionValue> values_;
};

/// The value as YAML would write it: 3, 0.5, true, relu, [64, 32].
NFOPT_API std::string to_string(const OptionValue& value);
NFOPT_API std::string to_string(Option::Type type);

}  // namespace nfopt
