#include "minimal_architecture.h"

namespace {
struct DescribesNothing final : nfopt::testing::MinimalArchitecture {
  DescribesNothing() : MinimalArchitecture("describes_nothing") {}
  std::vector<nfopt::TensorDescription> describe(const nfopt::Options&) const override { return {}; }
};
}  // namespace

NFOPT_PLUGIN(DescribesNothing, .id = "describes_nothing", .version = "1.0.0");
