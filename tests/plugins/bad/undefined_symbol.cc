// Would load lazily and die in the first call: must be refused at load time.
#include "minimal_architecture.h"

std::string defined_nowhere();

namespace {
struct UndefinedSymbol final : nfopt::testing::MinimalArchitecture {
  UndefinedSymbol() : MinimalArchitecture("undefined_symbol") {}
  nfopt::ArchitectureInfo info() const override { return {defined_nowhere(), "", {}}; }
};
}  // namespace

NFOPT_PLUGIN(UndefinedSymbol, .id = "undefined_symbol", .version = "1.0.0");
