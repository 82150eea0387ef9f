#pragma once

#include <ATen/core/Tensor.h>
#include <nfopt/nflayers/spec/fold.h>
#include <nfopt/nflayers/spec/partitions.h>

#include <vector>

namespace nfopt::testing {

/// One basis term by its definition, entry by entry:
///
///   E(X)[v(blk(o0)), ..] = mean over u of X[w(blk(i0)), ..]
///
/// one integer per block; w is v on blocks with an output axis and u on the others; entries not of this form are 0.
/// Shapes   x [K, in axes...] -> [K, out axes...]   float64, contiguous
at::Tensor naive_term(const LayerView& out, const LayerView& in, const Partition& partition, const at::Tensor& x);

/// The whole UNF layer as a sum of naive terms, for one network: x [C_in, shape...] per tensor -> [C_out, shape...].
/// `parameters`: theta [rows, C_in, C_out * F] of every view, then bias [C_out * F] of every view.
std::vector<at::Tensor> naive_layer(const WeightSpace& space, const Fold& fold,
                                    const std::vector<at::Tensor>& parameters, const std::vector<at::Tensor>& x);

}  // namespace nfopt::testing
