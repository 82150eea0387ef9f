#pragma once

#include <nfopt/nflayers/plan/plan.h>

#include <vector>

namespace nfopt {

/// Orders the halves by view, larger ones first, and gives each its parent: the smallest other half of the same
/// partition that keeps at least its cells. Returns the new position of every half.
/// `axis_sizes` holds the axes of every view.
std::vector<int> build_lattice(std::vector<Half>& halves, const std::vector<std::vector<int64_t>>& axis_sizes);

}  // namespace nfopt
