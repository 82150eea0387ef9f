#include <nfopt/runtime/optimizers/update_rule.h>

namespace nfopt {

UpdateRule::~UpdateRule() = default;

}  // namespace nfopt
