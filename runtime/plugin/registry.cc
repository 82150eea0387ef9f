#include <nfopt/nflayers/spec/near_names.h>
#include <nfopt/runtime/plugin/compatibility.h>
#include <nfopt/runtime/plugin/description_format.h>
#include <nfopt/runtime/plugin/manifest_reader.h>
#include <nfopt/runtime/plugin/plugin_error.h>
#include <nfopt/runtime/plugin/plugin_loader.h>
#include <nfopt/runtime/plugin/registry.h>

#include <algorithm>
#include <set>
#include <system_error>
#include <utility>

namespace nfopt {
namespace fs = std::filesystem;
namespace {

using Reason = PluginError::Reason;

fs::path real_path(const fs::path& file) {
  std::error_code problem;
  const fs::path real = fs::weakly_canonical(file, problem);
  return problem ? fs::absolute(file) : real;
}

// The id of a file's architecture, without running any of its code.
std::string id_of(const fs::path& file) {
  const DescriptionFormat* format = description_format(file);
  return format != nullptr ? format->id(file) : read_manifest(file).id;
}

// For what no compiler wrote a manifest for.
nfopt_manifest manifest_without_file(const std::string& name, const std::string& origin) {
  nfopt_manifest manifest = host_manifest();
  if (!detail::is_id(name) || name.size() >= sizeof manifest.id) {
    throw PluginError(Reason::bad_manifest, "Architecture '" + name + "' (" + origin +
                                                ") has no usable name: expected 1 to " +
                                                std::to_string(sizeof manifest.id - 1) + " characters [a-z0-9_].");
  }
  std::fill(std::begin(manifest.id), std::end(manifest.id), '\0');
  detail::put(manifest.id, name);
  return manifest;
}

PluginError duplicate(const std::string& id, const std::string& first, const std::string& second) {
  return PluginError(Reason::duplicate_id, "Two plugins have the id '" + id + "':\n       " + first + "\n       " +
                                               second + "\n       Remove or rename one of them.");
}

}  // namespace

Registry& Registry::global() {
  static auto* registry = new Registry();
  return *registry;
}

Registry::Registry(std::vector<SearchDirectory> directories) : standard_(std::move(directories)) {}

ArchitecturePtr Registry::find(const std::string& name_or_file) { return entry(name_or_file).architecture; }

Registry::Entry Registry::entry(const std::string& name_or_file) {
  Entry found;
  if (names_plugin_file(name_or_file)) {
    const std::string id = load(name_or_file)->info().name;
    find_registered(id, found);
    return found;
  }
  if (find_registered(name_or_file, found)) return found;

  std::set<std::string> known;
  std::string unreadable;
  const auto searched = directories();
  for (const auto& directory : searched) {
    fs::path hit;
    for (const auto& file : plugin_files(directory.path)) {
      std::string id;
      try {
        id = id_of(file);
      } catch (const Error& error) {
        // `nfopt plugin list` reports it; asking for another architecture must not fail because of it.
        if (file.filename().string().starts_with(name_or_file + ".nfopt."))
          unreadable += "\n       " + file.string() + " cannot be read: " + error.what();
        continue;
      }
      known.insert(id);
      if (id != name_or_file) continue;
      if (!hit.empty()) throw duplicate(id, hit.string(), file.string());
      hit = file;
    }
    if (!hit.empty()) {
      load(hit);
      find_registered(name_or_file, found);
      return found;
    }
  }
  for (const auto& [name, registered] : entries()) known.insert(name);
  throw PluginError(Reason::unknown_name, "No architecture '" + name_or_file + "'." +
                                              known_names(name_or_file, {known.begin(), known.end()}) + "\n       " +
                                              to_string(searched) + unreadable);
}

ArchitecturePtr Registry::load(const fs::path& file) {
  if (description_format(file) != nullptr) return load_description(file);
  const std::string shown = "'" + file.string() + "'";
  const nfopt_manifest manifest = read_manifest(file);
  require_compatible(manifest, host_manifest(), shown);
  const fs::path real = real_path(file);
  Entry known;
  if (find_registered(manifest.id, known)) {
    if (known.origin == real.string()) return known.architecture;
    throw duplicate(manifest.id, known.origin, real.string());  // before any of its code runs
  }
  return insert(load_plugin(real, manifest), manifest, real.string());
}

ArchitecturePtr Registry::load_description(const fs::path& file) {
  const fs::path real = real_path(file);
  ArchitecturePtr architecture = description_format(file)->read(real);
  Entry known;
  if (find_registered(architecture->info().name, known)) {
    if (known.origin == real.string()) return known.architecture;
    throw duplicate(known.manifest.id, known.origin, real.string());
  }
  ArchitecturePtr guarded = architecture->guarded(architecture);
  nfopt_manifest manifest = manifest_without_file(guarded->info().name, real.string());
  manifest.uses_torch = 0;
  return insert(std::move(guarded), manifest, real.string());
}

ArchitecturePtr Registry::add(ArchitecturePtr architecture, const std::string& origin) {
  ArchitecturePtr guarded = architecture->guarded(architecture);
  const nfopt_manifest manifest = manifest_without_file(guarded->info().name, origin);
  return insert(std::move(guarded), manifest, origin);
}

ArchitecturePtr Registry::add(const nfopt_manifest& manifest, Architecture* (*create)(char*, size_t),
                              const std::string& origin) {
  const std::string shown = "Plugin '" + std::string(manifest.id) + "', " + origin + ",";
  require_compatible(manifest, host_manifest(), shown);
  return insert(create_guarded(create, manifest, shown), manifest, origin);
}

ArchitecturePtr Registry::insert(ArchitecturePtr guarded, const nfopt_manifest& manifest, const std::string& origin) {
  std::lock_guard lock(mutex_);
  const auto [position, is_new] = entries_.try_emplace(manifest.id, Entry{guarded, manifest, origin});
  if (!is_new && position->second.origin != origin) throw duplicate(manifest.id, position->second.origin, origin);
  return position->second.architecture;  // two threads that load one file get one architecture
}

void Registry::add_directory(const fs::path& directory, const std::string& reason) {
  std::lock_guard lock(mutex_);
  configured_.push_back({fs::absolute(directory).lexically_normal(), reason});
}

std::vector<SearchDirectory> Registry::directories() const {
  std::lock_guard lock(mutex_);
  auto all = configured_;
  all.insert(all.end(), standard_.begin(), standard_.end());
  return all;
}

std::vector<Registry::Failure> Registry::load_all() {
  std::vector<Failure> failures;
  for (const auto& directory : directories()) {
    std::map<std::string, fs::path> here;
    for (const auto& file : plugin_files(directory.path)) {
      try {
        const std::string id = id_of(file);
        const auto [first, is_new] = here.try_emplace(id, file);
        if (!is_new) throw duplicate(id, first->second.string(), file.string());
        Entry known;
        if (!find_registered(id, known)) load(file);
      } catch (const Error& error) {
        failures.push_back({file.string(), error.what()});
      }
    }
  }
  std::lock_guard lock(mutex_);
  failures.insert(failures.end(), failures_.begin(), failures_.end());
  return failures;
}

std::map<std::string, Registry::Entry> Registry::entries() const {
  std::lock_guard lock(mutex_);
  return entries_;
}

void Registry::add_failure(Failure failure) {
  std::lock_guard lock(mutex_);
  failures_.push_back(std::move(failure));
}

bool Registry::find_registered(const std::string& name, Entry& found) const {
  std::lock_guard lock(mutex_);
  const auto position = entries_.find(name);
  if (position == entries_.end()) return false;
  found = position->second;
  return true;
}

StaticPlugin::StaticPlugin(const nfopt_manifest& manifest, CreateArchitecture create, const char* source) noexcept {
  const std::string origin = "linked in (" + std::string(source) + ")";
  try {
    Registry::global().add(manifest, create, origin);
  } catch (const std::exception& error) {
    Registry::global().add_failure({origin, error.what()});  // before main nobody could catch it
  }
}

}  // namespace nfopt
