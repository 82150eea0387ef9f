// A plugin that is linked into the test program instead of loaded.
#define NFOPT_STATIC_PLUGIN
#include <tests/plugins/bad/minimal_architecture.h>

namespace {
struct LinkedIn final : nfopt::testing::MinimalArchitecture {
  LinkedIn() : MinimalArchitecture("linked_in") {}
};
}  // namespace

NFOPT_PLUGIN(LinkedIn, .id = "linked_in", .version = "1.0.0");
