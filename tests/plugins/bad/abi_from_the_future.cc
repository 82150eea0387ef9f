// Built by a newer nfopt with another compiler: every difference is shown at once.
#include <nfopt/runtime/plugin/manifest.h>

namespace {
constexpr nfopt_manifest from_the_future() {
  nfopt_manifest manifest = nfopt::make_manifest({.id = "abi_from_the_future", .version = "1.0.0"}, "99.0.0");
  manifest.plugin_abi = NFOPT_PLUGIN_ABI + 1;
  manifest.compiler_major = 99;
  return manifest;
}
}  // namespace

__attribute__((used, section(NFOPT_MANIFEST_SECTION))) constexpr nfopt_manifest manifest = from_the_future();
