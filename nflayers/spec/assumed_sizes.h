#pragma once

#include <nfopt/nflayers/spec/weight_space.h>

#include <vector>

namespace nfopt {

/// The labels whose sizes do not follow from the shapes of the tensors: an axis [h=4, k@h=16] fits 64 entries, and so
/// does [h=2, k@h=32]. Heads, the groups of a GroupNorm, the sides of flattened images are such. Whoever takes a network
/// for an instance of a description by its shapes alone has assumed them.
///
/// Sizes are followed from axes on which one label is left, to a fixpoint, as the axis language infers them; a "=" counts
/// for nothing. Indices into WeightSpace::labels(), ascending; private "*" included. O(axes * labels per axis * depth).
NFOPT_API std::vector<int> assumed_sizes(const WeightSpace& space);

}  // namespace nfopt
