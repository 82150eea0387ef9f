#pragma once

#include <nfopt/runtime/conformance/findings.h>
#include <nfopt/runtime/plugin/architecture.h>
#include <nfopt/runtime/plugin/plugin_search.h>

#include <filesystem>
#include <string>
#include <vector>

namespace nfopt::conformance {

/// What `nfopt plugin check` is asked to look at: a file that is said to hold an architecture. It has not been loaded.
struct Target {
  std::filesystem::path file;
  bool description = false;  ///< a YAML description: there is no manifest
};

/// The targets behind a word: a file, every plugin and description of a folder, or an architecture's name in the
/// search directories. Runs no code of any plugin. Throws Error for a missing file, a folder without plugins and an
/// unknown name.
NFOPT_API std::vector<Target> find_targets(const std::string& word);
/// Every plugin and description of the search directories; a name that an earlier directory provides is left out.
NFOPT_API std::vector<Target> all_targets();

/// Loads it into this process, through the registry and its checks. Throws Error.
NFOPT_API ArchitecturePtr open(const Target& target);

/// "gru 1.2.0, ABI 2   <file>"; only the file when its manifest cannot be read.
NFOPT_API std::string title(const Target& target);

/// The manifest names everything it must, and was written for this host.
void check_manifest(const Target& target, Findings& findings);
/// The library binds all its symbols and makes an architecture; the description is read.
void check_loading(const Target& target, Findings& findings);

}  // namespace nfopt::conformance
