#pragma once

#include <nfopt/nflayers/kernels/cpu/element_loops.h>

#include <vector>

namespace nfopt::cpu {

/// Drops loops of size 1 and joins neighbours that all maps walk as one loop; the maps follow.
void merge_loops(ElementLoops& loops, const std::vector<LinearMap*>& maps);

}  // namespace nfopt::cpu
