// The message survives, the exception does not travel: its type exists in this library only.
#include "minimal_architecture.h"

#include <exception>

namespace {
struct OwnException final : std::exception {
  const char* what() const noexcept override { return "the moon is full"; }
};

struct ThrowsInDescribe final : nfopt::testing::MinimalArchitecture {
  ThrowsInDescribe() : MinimalArchitecture("throws_in_describe") {}
  std::vector<nfopt::TensorDescription> describe(const nfopt::Options&) const override { throw OwnException(); }
};
}  // namespace

NFOPT_PLUGIN(ThrowsInDescribe, .id = "throws_in_describe", .version = "1.0.0");
