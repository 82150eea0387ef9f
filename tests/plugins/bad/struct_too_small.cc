// An old author, a new host: the manifest ends early and says so.
#include <nfopt/runtime/plugin/manifest.h>

__attribute__((used, section(NFOPT_MANIFEST_SECTION))) constexpr uint32_t manifest[16] = {NFOPT_MANIFEST_MAGIC, 64, 0};
