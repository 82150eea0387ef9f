#pragma once

#include <nfopt/runtime/plugin/architecture.h>

#include <map>
#include <string>

namespace nfopt {

/// Whether the architecture under these options has exactly these names and shapes, in any order: what recognize()
/// promises. An architecture guesses its options from a few shapes and lets its own description judge the rest.
/// Options that describe() refuses are no match. [any-thread, load-time] Costs one description.
NFOPT_API bool describes(const Architecture& architecture, const std::map<std::string, OptionValue>& options,
                         const NamedShapes& shapes);

}  // namespace nfopt
