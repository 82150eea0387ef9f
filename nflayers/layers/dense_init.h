#pragma once

#include <ATen/core/Tensor.h>
#include <nfopt/nflayers/random/rng.h>

namespace nfopt {

/// The published start of dense maps: normal, cut at two standard deviations, variance 1 / inputs after the cut.
void fill_dense_weight(at::Tensor& w, const Rng& rng, int64_t inputs);

}  // namespace nfopt
