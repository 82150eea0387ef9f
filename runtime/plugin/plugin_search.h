#pragma once

#include <nfopt/nflayers/spec/export.h>

#include <filesystem>
#include <string>
#include <vector>

namespace nfopt {

/// A directory in which plugins are looked for, and who asked for it.
struct SearchDirectory {
  std::filesystem::path path;
  std::string reason;  ///< "NFOPT_PLUGIN_PATH", "installed", "beside the program", "config"
};

/// Where plugins live when nobody says otherwise, first hit wins: NFOPT_PLUGIN_PATH (colon-separated), the folder
/// nfopt/plugins beside this library, the program's folder and plugins/ next to it or above it (build tree).
/// Directories that a config names come before all of these (Registry::add_directory).
NFOPT_API std::vector<SearchDirectory> standard_plugin_directories();

/// The files of a directory that hold an architecture, *.nfopt.so and descriptions (*.nfopt.yaml), sorted by name. A
/// missing directory has none.
NFOPT_API std::vector<std::filesystem::path> plugin_files(const std::filesystem::path& directory);

/// "searched: a, b (NFOPT_PLUGIN_PATH), c (installed)" for messages about a miss.
NFOPT_API std::string to_string(const std::vector<SearchDirectory>& directories);

/// True for what names a file rather than an architecture: it has a slash, the suffix .nfopt.so or the extension of a
/// description (.yaml).
NFOPT_API bool names_plugin_file(const std::string& name);

}  // namespace nfopt
