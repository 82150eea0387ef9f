#pragma once

#include <nfopt/runtime/network/ops/recurrence.h>

namespace nfopt::ops {

/// A layer of long short-term memory, torch.nn.LSTM's equation: gates i, f, g, o, and an optional projection.
///
///   i, f, o = sigmoid(W_ih x[t] + b_ih + W_hh h[t-1] + b_hh)     g = tanh(the same)
///   c[t] = f * c[t-1] + i * g
///   h[t] = W_hr (o * tanh(c[t]))                                 W_hr = identity without a projection
///
/// Shapes   x [P|1, B, T, in]   h0 [P, 1|B, proj or h], c0 [P, 1|B, h], or undefined (zeros)
///          ->  every h[t], [P, B, T, proj or h]
/// Group    W_ih [[*4, h], in]   W_hh [[*4, h], h or p]   b [[*4, h]]   W_hr [p, h]
/// Paper    Hochreiter, Schmidhuber 1997; Sak, Senior, Beaufays, arXiv:1402.1128
NFOPT_API at::Tensor lstm(const at::Tensor& x, const RecurrentWeights& weights, Direction direction,
                          const at::Tensor& h0 = {}, const at::Tensor& c0 = {});

}  // namespace nfopt::ops
