#pragma once

#include <nfopt/runtime/network/ops/recurrence.h>

namespace nfopt::ops {

/// A layer of gated recurrent units, torch.nn.GRU's equation: gates r, z, n, the reset gate after the matrix product.
///
///   r, z = sigmoid(W_ih x[t] + b_ih + W_hh h[t-1] + b_hh)
///   n    = tanh(W_in x[t] + b_in + r * (W_hn h[t-1] + b_hn))
///   h[t] = (1 - z) * n + z * h[t-1]
///
/// Shapes   x [P|1, B, T, in]   h0 [P, 1|B, h] or undefined (zeros)   ->  every h[t], [P, B, T, h]
/// Group    W_ih [[*3, h], in]   W_hh [[*3, h], h]   b [[*3, h]]
/// Paper    Cho et al., arXiv:1406.1078
NFOPT_API at::Tensor gru(const at::Tensor& x, const RecurrentWeights& weights, Direction direction,
                         const at::Tensor& h0 = {});

}  // namespace nfopt::ops
