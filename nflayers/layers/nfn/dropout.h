#pragma once

#include <ATen/core/Tensor.h>
#include <nfopt/nflayers/random/rng.h>
#include <nfopt/nflayers/spec/export.h>

namespace nfopt {

/// Throws Error("layer", ..) unless 0 <= p < 1.
void require_probability(const char* layer, double p);

/// x times a mask that is 0 with probability p, else 1/(1-p). The mask has the sizes of `mask_of`, which broadcast
/// against x.
at::Tensor dropped(const at::Tensor& x, at::IntArrayRef mask_of, double p, const Rng& rng);

}  // namespace nfopt
