// Nothing is bad about this one: a description without LibTorch.
#include "minimal_architecture.h"

namespace {
struct Described final : nfopt::testing::MinimalArchitecture {
  Described() : MinimalArchitecture("described") {}
};
}  // namespace

NFOPT_PLUGIN(Described, .id = "described", .version = "1.0.0", .author = "Ada Example <ada@example.org>",
             .url = "https://example.org/described");
