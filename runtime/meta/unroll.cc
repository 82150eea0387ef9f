#include <nfopt/runtime/meta/unroll.h>

namespace nfopt {

Unroll::~Unroll() = default;

}  // namespace nfopt
