// Built twice, as first.nfopt.so and second.nfopt.so.
#include "minimal_architecture.h"

namespace {
struct SameId final : nfopt::testing::MinimalArchitecture {
  SameId() : MinimalArchitecture("same_id") {}
};
}  // namespace

NFOPT_PLUGIN(SameId, .id = "same_id", .version = "1.0.0");
