// nfopt plugin list | inspect | check | new: which architectures there are, and what one file says about itself.

#include <nfopt/nflayers/spec/table.h>
#include <nfopt/runtime/cli/commands.h>
#include <nfopt/runtime/cli/plugin_subcommands.h>
#include <nfopt/runtime/plugin/compatibility.h>
#include <nfopt/runtime/plugin/registry.h>

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

namespace nfopt::cli {
namespace {

std::string default_of(const Option& option) {
  return option.required ? "required" : "= " + to_string(option.fallback);
}

std::string choices_of(const Option& option) {
  std::string text;
  for (const auto& choice : option.choices) text += (text.empty() ? "(" : ", ") + choice;
  return text.empty() ? "" : text + ")";
}

// "ABI 1 (host 1)", "torch 2.11.0 (host 2.11.0)", ..
std::string build_of(const nfopt_manifest& manifest) {
  std::string text;
  for (const auto& row : compare(manifest, host_manifest())) {
    if (!text.empty()) text += ", ";
    text += row.what + " " + row.plugin;
    if (!row.matches()) text += " (host " + row.host + ")";
  }
  return text;
}

void list() {
  auto& registry = Registry::global();
  const auto failures = registry.load_all();
  std::vector<std::vector<std::string>> rows;
  for (const auto& [name, entry] : registry.entries()) {
    rows.push_back({name, entry.manifest.version, entry.architecture->info().summary, entry.origin});
  }
  std::fputs(aligned(rows, "").c_str(), stdout);
  if (rows.empty()) std::printf("No plugin found.\n");
  if (rows.empty() || !failures.empty()) std::printf("%s\n", to_string(registry.directories()).c_str());
  for (const auto& failure : failures) std::printf("not loaded: %s\n", failure.message.c_str());
}

void inspect_plugin(const std::string& name_or_file) {
  const auto entry = Registry::global().entry(name_or_file);
  const ArchitectureInfo info = entry.architecture->info();
  const nfopt_manifest& manifest = entry.manifest;
  std::printf("%s %s   %s\n", manifest.id, manifest.version, info.summary.c_str());

  std::vector<std::vector<std::string>> facts = {{"file", entry.origin}, {"built", build_of(manifest)}};
  facts.push_back({"network", manifest.uses_torch ? "yes: it can be trained" : "no: it only describes its tensors"});
  if (manifest.author[0]) facts.push_back({"author", manifest.author});
  if (manifest.url[0]) facts.push_back({"url", manifest.url});
  std::fputs(aligned(facts, "  ").c_str(), stdout);

  std::vector<std::vector<std::string>> options;
  for (const auto& option : info.options) {
    options.push_back(
        {option.name, to_string(option.type), default_of(option), option.help + " " + choices_of(option)});
  }
  std::printf("  options%s\n", options.empty() ? "  none" : "");
  std::fputs(aligned(options, "    ").c_str(), stdout);
}

}  // namespace

void add_plugin(CLI::App& app) {
  auto* plugin =
      app.add_subcommand("plugin", "Architectures: what there is, whether it is right, and how to write one");
  plugin->require_subcommand(1);

  plugin->add_subcommand("list", "Every plugin of the search directories, and why one cannot be used")->callback(list);

  auto* show = plugin->add_subcommand("inspect", "Manifest and options of one plugin");
  const auto target = std::make_shared<std::string>();
  show->add_option("plugin", *target, "file (*.nfopt.so) or name")->required();
  show->callback([target] { inspect_plugin(*target); });

  add_plugin_check(*plugin);
  add_plugin_new(*plugin);
}

}  // namespace nfopt::cli
