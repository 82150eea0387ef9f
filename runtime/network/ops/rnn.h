#pragma once

#include <nfopt/runtime/network/ops/activation.h>
#include <nfopt/runtime/network/ops/recurrence.h>

namespace nfopt::ops {

/// A plain recurrent layer, torch.nn.RNN's equation.
///
///   h[t] = activation(W_ih x[t] + b_ih + W_hh h[t-1] + b_hh)
///
/// Shapes   x [P|1, B, T, in]   h0 [P, 1|B, h] or undefined (zeros)   ->  every h[t], [P, B, T, h]
/// Group    W_ih [h, in]   W_hh [h, h]   b [h]
/// Paper    Elman 1990; with relu and W_hh = identity at first: Le, Jaitly, Hinton, arXiv:1504.00941
NFOPT_API at::Tensor rnn(const at::Tensor& x, const RecurrentWeights& weights, Activation activation,
                         Direction direction, const at::Tensor& h0 = {});

}  // namespace nfopt::ops
