#pragma once

#include <nfopt/nflayers/spec/export.h>
#include <nfopt/nflayers/spec/weight_space.h>

namespace nfopt {

/// The space without its buffers, in the same order: what update rules run over. A space without buffers is returned
/// as it is.
NFOPT_API WeightSpacePtr parameter_space(const WeightSpacePtr& space);

}  // namespace nfopt
