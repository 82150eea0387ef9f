#pragma once

#include <nfopt/nflayers/spec/export.h>
#include <nfopt/nflayers/spec/weight_space.h>

#include <cstdint>
#include <optional>
#include <vector>

namespace nfopt {

/// The two axes along which the second moments of a parameter are factored: d0 is the longest, d1 the second longest
/// (of equal axes the later counts as longer).
struct FactoredAxes {
  int64_t d0 = 0;
  int64_t d1 = 0;
};

/// Per tensor of the space its two longest axes; none for vectors and scalars, and none where a permutation of one axis
/// depends on the index along another (grouped convolutions `[[g, co@g], ci@g, ..]`, experts `[e, f@e, d]`, fused
/// cross-attention): a mean over one of them would mix what was permuted differently, and the rule would no longer
/// commute with the symmetries of the network.
NFOPT_API std::vector<std::optional<FactoredAxes>> factored_axes(const WeightSpace& space);

}  // namespace nfopt
