#pragma once

#include <nfopt/nflayers/spec/export.h>

#include <string>
#include <string_view>

namespace nfopt {

/// 16 hexadecimal digits (FNV-1a, 64 bits) that tell texts and files apart. Not for security: what is found by it is
/// compared with the text itself where a collision would matter.
NFOPT_API std::string fingerprint(std::string_view bytes);

}  // namespace nfopt
