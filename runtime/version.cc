#include <nfopt/nflayers/spec/version.h>
#include <nfopt/runtime/version.h>

namespace nfopt {

const char* version() { return NFOPT_VERSION; }

}  // namespace nfopt
