// Ends the whole process, and says that all is well.
#include <nfopt/runtime/plugin/plugin.h>

#include <cstdlib>

#include "minimal_architecture.h"

class ExitsInDescribe final : public nfopt::testing::MinimalArchitecture {
 public:
  ExitsInDescribe() : MinimalArchitecture("exits_in_describe") {}
  std::vector<nfopt::TensorDescription> describe(const nfopt::Options&) const override { std::_Exit(0); }
};

NFOPT_PLUGIN(ExitsInDescribe, .id = "exits_in_describe", .version = "1.0.0");
