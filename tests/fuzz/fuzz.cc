#include <tests/fuzz/fuzz.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

void nfopt::require(bool holds, std::string_view claim) {
  if (holds) return;
  std::fprintf(stderr, "This does not hold: %.*s.\n", static_cast<int>(claim.size()), claim.data());
  std::abort();
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  nfopt::fuzz({reinterpret_cast<const char*>(data), size});
  return 0;
}
