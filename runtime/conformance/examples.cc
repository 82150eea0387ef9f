#include <nfopt/nflayers/spec/error.h>
#include <nfopt/nflayers/spec/near_names.h>
#include <nfopt/runtime/conformance/conformance_test.h>
#include <nfopt/runtime/io/yaml_reader.h>
#include <nfopt/runtime/network/network.h>

#include <algorithm>

namespace nfopt::conformance {
namespace {

// "hidden" as the option declares it, from the words of a command line.
OptionValue read_option(const Option& option, const std::string& text) {
  YamlProblems problems("plugin check", "--set");
  const YamlValue document = parse_yaml(option.name + ": " + text, "--set");
  YamlMap reader(document, "", problems);
  OptionValue value;
  switch (option.type) {
    case Option::Type::boolean:
      value = reader.boolean(option.name);
      break;
    case Option::Type::integer:
      value = reader.integer(option.name);
      break;
    case Option::Type::real:
      value = reader.real(option.name);
      break;
    case Option::Type::text:
      value = reader.text(option.name);
      break;
    case Option::Type::integers:
      value = reader.integers(option.name);
      break;
    case Option::Type::texts:
      value = reader.texts(option.name);
      break;
  }
  problems.throw_if_any();
  return value;
}

std::map<std::string, OptionValue> read_options(const ArchitectureInfo& info,
                                                const std::map<std::string, std::string>& overrides) {
  std::map<std::string, OptionValue> values;
  std::vector<std::string> names;
  for (const auto& option : info.options) names.push_back(option.name);
  for (const auto& [name, text] : overrides) {
    const auto option = std::find_if(info.options.begin(), info.options.end(),
                                     [&](const Option& declared) { return declared.name == name; });
    if (option == info.options.end())
      throw Error("plugin check", "'" + info.name + "' has no option '" + name + "'." + known_names(name, names));
    values[name] = read_option(*option, text);
  }
  return values;
}

}  // namespace

std::vector<Example> examples_of(const ArchitecturePtr& architecture,
                                 const std::map<std::string, std::string>& overrides) {
  const ArchitectureInfo info = architecture->info();
  const auto given = read_options(info, overrides);
  std::vector<Example> examples = architecture->examples();
  for (auto& example : examples)
    for (const auto& [name, value] : given) example.options[name] = value;
  if (!examples.empty()) return examples;

  if (dynamic_cast<const TrainableArchitecture*>(architecture.get())) {
    throw Error("plugin check", "'" + info.name +
                                    "' names no example: expected at least one from examples(), with options and the "
                                    "shape of an input. Implement examples().");
  }
  std::string missing;
  for (const auto& option : info.options)
    if (option.required && !given.count(option.name)) missing += (missing.empty() ? "" : ", ") + option.name;
  if (!missing.empty()) {
    throw Error("plugin check", "'" + info.name +
                                    "' names no example, and not all of its options have defaults: "
                                    "expected values for " +
                                    missing + ". Give --set key=value, or implement examples().");
  }
  return {{.name = "defaults", .options = given, .input_shape = {}}};
}

}  // namespace nfopt::conformance
