#pragma once

#include <nfopt/nflayers/spec/export.h>
#include <nfopt/runtime/io/yaml_reader.h>
#include <nfopt/runtime/plugin/options.h>
#include <nfopt/runtime/tasks/dataset.h>

#include <map>
#include <optional>
#include <string>

namespace nfopt {

// Parts that the configs of `nfopt train`, `nfopt meta-train` and `nfopt zoo` have in common.

/// An option of an architecture; what it must be is the architecture's business, which checks it. Nothing for a value
/// that no option can have.
NFOPT_API std::optional<OptionValue> option_value(const YamlValue& value);
NFOPT_API YamlValue yaml_of(const OptionValue& value);

/// Every key of an `architecture:` map but `name`, as an option.
NFOPT_API std::map<std::string, OptionValue> read_architecture_options(YamlMap& map);

/// Reads `name: fashion_mnist | byte_text` and that data set's keys; the caller finishes the map.
NFOPT_API DataOptions read_data_options(YamlMap& map);
NFOPT_API YamlValue to_yaml_value(const DataOptions& options);

/// A problem unless `name` can be part of a folder's name.
NFOPT_API void check_run_name(YamlMap& map, const std::string& name);

}  // namespace nfopt
