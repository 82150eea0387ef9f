#include "minimal_architecture.h"

namespace {
struct ThrowsInInfo final : nfopt::testing::MinimalArchitecture {
  ThrowsInInfo() : MinimalArchitecture("throws_in_info") {}
  nfopt::ArchitectureInfo info() const override { throw 42; }  // not even a std::exception
};
}  // namespace

NFOPT_PLUGIN(ThrowsInInfo, .id = "throws_in_info", .version = "1.0.0");
