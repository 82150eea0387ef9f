#pragma once

#include <nfopt/nflayers/kernels/cpu/element_loops.h>

#include <cstdint>
#include <vector>

namespace nfopt::cpu {

/// Drops loops of size 1 and joins neighbours that all maps walk as one loop; the maps follow.
void merge_loops(ElementLoops& loops, const std::vector<LinearMap*>& maps);

/// Strides of an array of these sizes whose last axis has the stride `innermost`.
std::vector<int64_t> row_major(const std::vector<int64_t>& sizes, int64_t innermost = 1);

}  // namespace nfopt::cpu
