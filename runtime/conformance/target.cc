#include <nfopt/nflayers/spec/error.h>
#include <nfopt/runtime/conformance/target.h>
#include <nfopt/runtime/plugin/compatibility.h>
#include <nfopt/runtime/plugin/description_format.h>
#include <nfopt/runtime/plugin/manifest_reader.h>
#include <nfopt/runtime/plugin/plugin_error.h>
#include <nfopt/runtime/plugin/registry.h>

#include <algorithm>
#include <chrono>
#include <set>
#include <system_error>

namespace nfopt::conformance {
namespace fs = std::filesystem;
namespace {

// A plugin in a search directory is found whenever a name is asked for: a slow one delays every command.
constexpr double kSlowLoading = 5.0;  // seconds

Target target_of(const fs::path& file) { return {fs::absolute(file), description_format(file) != nullptr}; }

// The name of a file's architecture without running any of its code, "" when it has none.
std::string id_of(const fs::path& file) {
  try {
    const DescriptionFormat* format = description_format(file);
    return format != nullptr ? format->id(file) : read_manifest(file).id;
  } catch (const Error&) {
    return "";
  }
}

// digits, letters, dots and dashes, beginning with a digit
bool is_version(const std::string& text) {
  return !text.empty() && text[0] >= '0' && text[0] <= '9' &&
         text.find_first_not_of("0123456789abcdefghijklmnopqrstuvwxyz.-+") == std::string::npos;
}

}  // namespace

std::vector<Target> find_targets(const std::string& word) {
  std::error_code problem;
  const fs::path path(word);
  if (fs::is_directory(path, problem)) {
    std::vector<Target> targets;
    for (const auto& file : plugin_files(path)) targets.push_back(target_of(file));
    for (fs::directory_iterator entry(path, problem), end; !problem && entry != end; entry.increment(problem)) {
      const bool listed = std::any_of(targets.begin(), targets.end(),
                                      [&](const Target& known) { return known.file == fs::absolute(entry->path()); });
      if (!listed && description_format(entry->path())) targets.push_back(target_of(entry->path()));
    }
    std::sort(targets.begin(), targets.end(), [](const Target& a, const Target& b) { return a.file < b.file; });
    if (targets.empty())
      throw Error("plugins", "'" + word + "' is a folder without any plugin (*.nfopt.so) or description (*.yaml).");
    return targets;
  }
  if (fs::exists(path, problem)) return {target_of(path)};
  if (names_plugin_file(word)) throw PluginError(PluginError::Reason::missing, "'" + word + "' does not exist.");
  for (const auto& directory : Registry::global().directories())
    for (const auto& file : plugin_files(directory.path))
      if (id_of(file) == word) return {target_of(file)};
  Registry::global().entry(word);  // throws: names the directories and near names
  throw Error("plugins", "'" + word + "' is linked into the program. Name a plugin's file.");
}

std::vector<Target> all_targets() {
  std::vector<Target> targets;
  std::set<std::string> known;
  for (const auto& directory : Registry::global().directories())
    for (const auto& file : plugin_files(directory.path)) {
      const std::string id = id_of(file);
      if (id.empty() || known.insert(id).second) targets.push_back(target_of(file));  // a damaged one fails its tests
    }
  return targets;
}

ArchitecturePtr open(const Target& target) { return Registry::global().load(target.file); }

std::string title(const Target& target) {
  const std::string file = target.file.string();
  try {
    if (target.description) return description_format(target.file)->id(target.file) + ", a description   " + file;
    const nfopt_manifest manifest = read_manifest(target.file);
    return std::string(manifest.id) + " " + manifest.version + ", ABI " + std::to_string(manifest.plugin_abi) + "   " +
           file;
  } catch (const Error&) {
    return file;
  }
}

void check_manifest(const Target& target, Findings& findings) {
  if (target.description) {
    findings.skip("a description has no manifest");
    return;
  }
  const nfopt_manifest manifest = read_manifest(target.file);
  require_compatible(manifest, host_manifest(), "'" + target.file.string() + "'");
  if (!detail::is_id(manifest.id))
    findings.fail(".id is '" + std::string(manifest.id) + "': expected characters [a-z0-9_].");
  if (!is_version(manifest.version))
    findings.fail(".version is '" + std::string(manifest.version) + "': expected one such as 1.2.0.");
  if (!manifest.author[0]) findings.note(".author is empty.");
}

void check_loading(const Target& target, Findings& findings) {
  const auto start = std::chrono::steady_clock::now();
  const ArchitecturePtr architecture = open(target);
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  if (seconds.count() > kSlowLoading)
    findings.note("loading takes " + std::to_string(static_cast<int>(seconds.count())) +
                  " s. Constructors and info() should return at once.");
  if (architecture->info().name.empty()) findings.fail("info().name is empty.");
}

}  // namespace nfopt::conformance
