// Follows a null pointer: a result of the test it happens in, not the end of the checker.
#include <nfopt/runtime/plugin/plugin.h>

#include <csignal>

#include "minimal_architecture.h"

class CrashesInDescribe final : public nfopt::testing::MinimalArchitecture {
 public:
  CrashesInDescribe() : MinimalArchitecture("crashes_in_describe") {}
  std::vector<nfopt::TensorDescription> describe(const nfopt::Options&) const override {
    std::raise(SIGSEGV);  // what a null pointer would do, without a compiler that optimises it away
    return {};
  }
};

NFOPT_PLUGIN(CrashesInDescribe, .id = "crashes_in_describe", .version = "1.0.0");
