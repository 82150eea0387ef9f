#pragma once

#include <nfopt/runtime/plugin/architecture.h>

#include <map>
#include <string>

namespace nfopt {

/// One network of a family: the architecture, its checked options and the weight space they describe.
struct NFOPT_API Instance {
  ArchitecturePtr architecture;
  Options options;
  WeightSpacePtr space;
};

/// Checks `given` against the architecture's options and builds its weight space. Throws Error that lists every wrong
/// option, or every wrong axis expression and the architecture that wrote it.
NFOPT_API Instance instantiate(ArchitecturePtr architecture, const std::map<std::string, OptionValue>& given);

}  // namespace nfopt
