// Never comes back.
#include <nfopt/runtime/plugin/plugin.h>
#include <unistd.h>

#include "minimal_architecture.h"

class LoopsInDescribe final : public nfopt::testing::MinimalArchitecture {
 public:
  LoopsInDescribe() : MinimalArchitecture("loops_in_describe") {}
  std::vector<nfopt::TensorDescription> describe(const nfopt::Options&) const override {
    for (;;) ::usleep(1000);
  }
};

NFOPT_PLUGIN(LoopsInDescribe, .id = "loops_in_describe", .version = "1.0.0");
