#pragma once

#include <nfopt/nflayers/spec/export.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace nfopt {

struct YamlEntry;

/// A YAML document as plain data: every value knows the place it was written at, so that a reader can point there.
/// Scalars keep their text; what it means is decided by whoever asks for an integer, a number or a text.
struct NFOPT_API YamlValue {
  enum class Kind : uint8_t { null, scalar, sequence, map };

  Kind kind = Kind::null;
  std::string text;                ///< of a scalar
  bool quoted = false;             ///< a scalar in quotes is a text, whatever it looks like
  std::vector<YamlValue> items;    ///< of a sequence
  std::vector<YamlEntry> entries;  ///< of a map, in written order
  std::string place;               ///< "run.yaml:3:7" or "--set a.b"

  const YamlValue* find(std::string_view key) const;
  /// Replaces or appends.
  void set(std::string_view key, YamlValue value);

  static YamlValue scalar(std::string text);
  static YamlValue text_scalar(std::string text);  ///< quoted when it would otherwise read as something else
  static YamlValue map();
  static YamlValue sequence(std::vector<YamlValue> items);
};

struct YamlEntry {
  std::string key;
  std::string place;
  YamlValue value;
};

/// What a value is, for messages: "'many'", "a list", "a map", "nothing".
NFOPT_API std::string describe(const YamlValue& value);

/// One document. Aliases, anchors, tags, duplicate keys, keys that are not scalars or longer than 200 bytes, control
/// characters, several documents and nesting deeper than 64 throw Error naming `file`, line and column; so does
/// whatever is not YAML.
NFOPT_API YamlValue parse_yaml(std::string_view text, const std::string& file);

/// parse_yaml of a file of at most 4 MiB. A missing or unreadable file throws Error with the reason.
NFOPT_API YamlValue read_yaml(const std::filesystem::path& path);

/// Applies "a.b.c=value", with `value` in YAML's one-line form (0.1, [64, 32], {name: sgd, lr: 0.1}). Maps on the way
/// are made when missing; a scalar on the way, as in `optimizer: sgdm` and `optimizer.lr=0.1`, is read as
/// {name: sgdm}. The new value's place is "--set a.b.c".
NFOPT_API void apply_override(YamlValue& root, std::string_view assignment);

/// Block style, lists of scalars on one line; parse_yaml gives back an equal tree.
NFOPT_API std::string to_yaml(const YamlValue& value);

}  // namespace nfopt
