#include "minimal_architecture.h"

namespace {
struct IdMismatch final : nfopt::testing::MinimalArchitecture {
  IdMismatch() : MinimalArchitecture("another_name") {}
};
}  // namespace

NFOPT_PLUGIN(IdMismatch, .id = "id_mismatch", .version = "1.0.0");
