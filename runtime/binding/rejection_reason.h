#pragma once

#include <nfopt/runtime/plugin/architecture.h>

#include <string>

namespace nfopt {

/// Why an architecture that did not recognise a network is not the right one: how many kinds of names they share
/// ("layers.#.weight": digits stand for any number), and the first one that is missing on either side. The names come
/// from the architecture's examples or default options.
std::string rejection_reason(const Architecture& architecture, const NamedShapes& shapes);

}  // namespace nfopt
