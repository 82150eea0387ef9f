#pragma once

#include <nfopt/nflayers/spec/fold.h>
#include <nfopt/nflayers/spec/weight_space.h>

#include <string>

namespace nfopt {

/// The two groups of a weight space for a reader: which labels each moves, how many permutations each label has
/// (one per index tuple of its ancestors), the number of elements, and what the fold puts into the channels.
NFOPT_API std::string group_summary(const WeightSpace& space, const Fold& fold);

}  // namespace nfopt
