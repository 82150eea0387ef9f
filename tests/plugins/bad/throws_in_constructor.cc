#include "minimal_architecture.h"

#include <stdexcept>

namespace {
struct ThrowsInConstructor final : nfopt::testing::MinimalArchitecture {
  ThrowsInConstructor() : MinimalArchitecture("throws_in_constructor") { throw std::runtime_error("no licence found"); }
};
}  // namespace

NFOPT_PLUGIN(ThrowsInConstructor, .id = "throws_in_constructor", .version = "1.0.0");
