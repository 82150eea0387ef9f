// nfopt spec show: tensors, labels and groups of an architecture, and what a layer over them costs.

#include <nfopt/nflayers/action/group_summary.h>
#include <nfopt/nflayers/plan/plan.h>
#include <nfopt/nflayers/spec/error.h>
#include <nfopt/nflayers/spec/fold.h>
#include <nfopt/nflayers/spec/summary.h>
#include <nfopt/nflayers/spec/text.h>
#include <nfopt/runtime/cli/commands.h>
#include <nfopt/runtime/io/weight_space_yaml.h>
#include <nfopt/runtime/io/yaml_reader.h>
#include <nfopt/runtime/plugin/registry.h>

#include <cstdio>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace nfopt::cli {
namespace {

// What to show: an architecture and the options given for it, each with the place it was given at.
struct Target {
  ArchitecturePtr architecture;
  YamlValue options = YamlValue::map();
  std::string file;
};

struct ShowArguments {
  std::vector<std::string> targets;
  std::vector<std::string> settings;
  std::string fold = "fixed";
  std::string format = "summary";
  bool counts = false;
};

bool is_yaml(const std::string& target) {
  const std::string suffix = std::filesystem::path(target).extension().string();
  return suffix == ".yaml" || suffix == ".yml";
}

// A file either describes tensors itself or names an architecture, as the configs of `nfopt train` do.
Target find_target(const std::string& name, const std::vector<std::string>& settings) {
  Target target;
  target.file = name;
  if (!is_yaml(name)) {
    target.architecture = Registry::global().find(name);
    for (const auto& setting : settings) apply_override(target.options, setting);
    return target;
  }
  YamlValue document = read_yaml(name);
  if (describes_tensors(document)) {
    target.architecture = architecture_from_yaml(document, name);
    for (const auto& setting : settings) apply_override(target.options, setting);
    return target;
  }
  for (const auto& setting : settings) apply_override(document, setting);
  if (document.find("architecture") == nullptr)
    throw Error("spec", name + ": expected 'tensors' (a description) or 'architecture' (a config), received neither.");
  YamlProblems problems("spec", name);
  YamlMap top(document, "", problems);
  for (const auto& folder : top.texts("plugins", {}, std::vector<std::string>{}))
    Registry::global().add_directory(folder);
  YamlMap architecture = top.map("architecture");
  const std::string id = architecture.text("name");
  problems.throw_if_any();
  target.architecture = Registry::global().find(id);
  for (const auto& entry : document.find("architecture")->entries)
    if (entry.key != "name") target.options.set(entry.key, entry.value);
  return target;
}

// Reads the given values as what the architecture declares; undeclared ones are unknown keys with their place.
Options checked_options(const ArchitectureInfo& info, const Target& target) {
  YamlProblems problems("spec", target.file);
  YamlMap map(target.options, "", problems);
  std::map<std::string, OptionValue> given;
  for (const auto& option : info.options) {
    const bool present = map.has(option.name);
    map.value(option.name);
    if (!present) continue;
    switch (option.type) {
      case Option::Type::boolean:
        given[option.name] = map.boolean(option.name);
        break;
      case Option::Type::integer:
        given[option.name] = map.integer(option.name);
        break;
      case Option::Type::real:
        given[option.name] = map.real(option.name);
        break;
      case Option::Type::text:
        given[option.name] = map.text(option.name, option.choices);
        break;
      case Option::Type::integers:
        given[option.name] = map.integers(option.name);
        break;
      case Option::Type::texts:
        given[option.name] = map.texts(option.name, option.choices);
        break;
    }
  }
  map.finish();
  problems.throw_if_any();
  return Options(info.name, info.options, given);
}

Fold fold_of(const std::string& word) {
  if (word == "fixed") return Fold::fixed();
  if (word == "all") return Fold::all();
  if (word == "none") return Fold::none();
  std::vector<std::string> names;
  for (size_t at = 0; at <= word.size();) {
    const size_t comma = std::min(word.find(',', at), word.size());
    names.push_back(word.substr(at, comma - at));
    at = comma + 1;
  }
  return Fold::only(names);
}

void print_counts(const WeightSpace& space, const Fold& fold) {
  const Plan plan = build_plan(space, fold);
  std::printf("  A linear layer has %zu basis terms, evaluated by %zu contractions and %zu products.\n",
              plan.terms.size(), plan.inputs.size(), plan.signatures.size());
}

void show(const ShowArguments& arguments) {
  for (const auto& name : arguments.targets) {
    if (&name != &arguments.targets.front()) std::printf("\n");
    const Target target = find_target(name, arguments.settings);
    const ArchitectureInfo info = target.architecture->info();
    const WeightSpace space(target.architecture->describe(checked_options(info, target)));
    if (arguments.format == "text") {
      std::fputs(to_text(space).c_str(), stdout);
    } else if (arguments.format == "yaml") {
      std::fputs(to_yaml(space, info.name).c_str(), stdout);
    } else {
      const Fold fold = fold_of(arguments.fold);
      std::printf("%s%s%s\n%s\n%s", info.name.c_str(), info.summary.empty() ? "" : ": ", info.summary.c_str(),
                  summary(space).c_str(), group_summary(space, fold).c_str());
      if (arguments.counts) print_counts(space, fold);
    }
  }
}

}  // namespace

void add_spec(CLI::App& app) {
  auto* spec = app.add_subcommand("spec", "Weight spaces: tensors, labels, symmetries");
  spec->require_subcommand(1);

  auto* command = spec->add_subcommand("show", "Tensors, labels and groups of architectures");
  const auto arguments = std::make_shared<ShowArguments>();
  command->add_option("target", arguments->targets, "description or config (*.yaml), plugin file, or architecture name")
      ->required();
  command->add_option("--set", arguments->settings,
                      "option=value of the architecture; for a config any of its keys (architecture.width=64)");
  command->add_option("--fold", arguments->fold, "fixed | all | none | labels, e.g. rot,pos")->capture_default_str();
  command->add_option("--format", arguments->format, "summary | text | yaml")
      ->check(CLI::IsMember({"summary", "text", "yaml"}))
      ->capture_default_str();
  command->add_flag("--counts", arguments->counts, "basis terms, contractions and products of a linear layer");
  command->callback([arguments] { show(*arguments); });
}

}  // namespace nfopt::cli
