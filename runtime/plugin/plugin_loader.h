#pragma once

#include <nfopt/runtime/plugin/architecture.h>
#include <nfopt/runtime/plugin/plugin.h>

#include <filesystem>
#include <memory>
#include <string>

namespace nfopt {

/// Loads a compatible plugin (its manifest has been read and compared) and makes its architecture.
///
/// The library is never unloaded: objects, exceptions and registrations of its code may live anywhere until the process
/// ends, and LibTorch itself does not survive being unloaded (pytorch#61111). A rebuilt plugin needs a new process.
/// Symbols are bound at once, so that a missing one is an error here and not a crash in the first epoch.
/// Throws PluginError (unresolved_symbol, no_entry, throws, id_mismatch). [any-thread, load-time]
NFOPT_API ArchitecturePtr load_plugin(const std::filesystem::path& file, const nfopt_manifest& manifest);

/// Makes an architecture through a plugin's entry, puts it behind a guard and compares its name with the manifest's id.
NFOPT_API ArchitecturePtr create_guarded(CreateArchitecture create, const nfopt_manifest& manifest,
                                         const std::string& shown);

}  // namespace nfopt
