#pragma once

#include <nfopt/nflayers/spec/export.h>
#include <nfopt/runtime/plugin/manifest.h>

#include <string>
#include <vector>

namespace nfopt {

/// The manifest that a trainable plugin compiled together with this library would have.
NFOPT_API nfopt_manifest host_manifest();

/// One line of the comparison between a plugin and its host.
struct Comparison {
  std::string what;
  std::string plugin;
  std::string host;
  bool must_match = true;  ///< nfopt version and build type are shown only
  bool matches() const { return plugin == host; }
};

/// Plugin ABI, compiler, C++ standard, libstdc++ ABI, LibTorch (if used), nfopt version, build type, in this order.
/// A C++ interface needs an exact match: a class that one side lays out differently fails far from its cause.
NFOPT_API std::vector<Comparison> compare(const nfopt_manifest& plugin, const nfopt_manifest& host);

/// Throws PluginError(incompatible) with one aligned table of all differences that matter.
NFOPT_API void require_compatible(const nfopt_manifest& plugin, const nfopt_manifest& host, const std::string& shown);

}  // namespace nfopt
