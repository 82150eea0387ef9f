#include <nfopt/runtime/io/fingerprint.h>

#include <cstdint>
#include <cstdio>

namespace nfopt {

std::string fingerprint(std::string_view bytes) {
  uint64_t hash = 14695981039346656037u;
  for (const char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211u;
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(hash));
  return text;
}

}  // namespace nfopt
