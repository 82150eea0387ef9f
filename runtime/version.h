#pragma once

#include <nfopt/nflayers/spec/export.h>

namespace nfopt {

/// Version of the library that is running, e.g. "0.1.0"; headers say NFOPT_VERSION.
NFOPT_API const char* version();

}  // namespace nfopt
