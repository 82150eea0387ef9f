#pragma once

#include <nfopt/nflayers/spec/export.h>
#include <nfopt/runtime/plugin/byte_source.h>
#include <nfopt/runtime/plugin/manifest.h>

#include <filesystem>
#include <string>

namespace nfopt {

/// Reads a plugin's manifest from its file without loading it: none of its code runs.
/// Throws PluginError (missing, directory, unreadable, empty, not_elf, truncated, no_manifest, bad_manifest, or
/// incompatible when the manifest itself has another layout). O(number of sections).
NFOPT_API nfopt_manifest read_manifest(const std::filesystem::path& file);

/// The same from any bytes; `shown` names them in messages.
NFOPT_API nfopt_manifest read_manifest(const ByteSource& file, const std::string& shown);

}  // namespace nfopt
