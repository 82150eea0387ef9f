#pragma once

#include <nfopt/runtime/plugin/architecture.h>
#include <nfopt/runtime/plugin/manifest.h>
#include <nfopt/runtime/plugin/plugin_search.h>

#include <filesystem>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace nfopt {

/// Architectures by name: linked in, loaded from files, or found in the search directories when first asked for.
///
/// Nothing is ever unloaded. `global()` is what programs use; tests build instances of their own.
/// [any-thread] Foreign code runs outside the lock.
class NFOPT_API Registry {
 public:
  struct Entry {
    ArchitecturePtr architecture;  ///< guarded: every exception is an Error of ours
    nfopt_manifest manifest;
    std::string origin;  ///< the file, or "linked in (<source>)"
  };
  struct Failure {
    std::string origin;
    std::string message;
  };

  /// The registry of this process, deliberately leaked: destroying it would unload code that is still referred to.
  static Registry& global();

  explicit Registry(std::vector<SearchDirectory> directories = standard_plugin_directories());
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;

  /// An architecture by name ("gru") or by file ("./build/gru.nfopt.so", "siren.yaml"), loaded when necessary.
  /// A miss throws PluginError(unknown_name) with every directory searched and near names.
  ArchitecturePtr find(const std::string& name_or_file);
  /// The same with its manifest and origin.
  Entry entry(const std::string& name_or_file);

  /// Loads one file, a plugin or a description (description_format.h). Loading the same file again returns what is
  /// there; another file with a known id throws PluginError(duplicate_id) that names both.
  ArchitecturePtr load(const std::filesystem::path& file);

  /// Registers an architecture that needs no file: tests, embedding.
  ArchitecturePtr add(ArchitecturePtr architecture, const std::string& origin);
  /// Registers through a plugin's entry, as loading does. `add` with another id of the same name throws duplicate_id.
  ArchitecturePtr add(const nfopt_manifest& manifest, Architecture* (*create)(char*, size_t),
                      const std::string& origin);

  /// A directory that a config names: searched before the standard ones, in the order of the calls.
  void add_directory(const std::filesystem::path& directory, const std::string& reason = "config");
  std::vector<SearchDirectory> directories() const;

  /// Loads every plugin and description of every directory; returns what could not be loaded. One whose id an earlier
  /// directory provides is shadowed, not an error.
  std::vector<Failure> load_all();

  /// Everything registered so far, by name.
  std::map<std::string, Entry> entries() const;
  /// Plugins linked into the program that could not be registered; load_all() lists them, too.
  void add_failure(Failure failure);

 private:
  ArchitecturePtr load_description(const std::filesystem::path& file);
  ArchitecturePtr insert(ArchitecturePtr guarded, const nfopt_manifest& manifest, const std::string& origin);
  bool find_registered(const std::string& name, Entry& found) const;

  mutable std::mutex mutex_;
  std::map<std::string, Entry> entries_;
  std::vector<SearchDirectory> configured_;
  std::vector<SearchDirectory> standard_;
  std::vector<Failure> failures_;
};

}  // namespace nfopt
