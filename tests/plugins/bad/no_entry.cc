// A manifest, and nobody to call.
#include <nfopt/runtime/plugin/manifest.h>

__attribute__((used, section(NFOPT_MANIFEST_SECTION))) constexpr nfopt_manifest manifest =
    nfopt::make_manifest({.id = "no_entry", .version = "1.0.0"}, "");
