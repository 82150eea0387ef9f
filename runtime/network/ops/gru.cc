#include <nfopt/runtime/network/ops/gru.h>
#include <nfopt/runtime/network/ops/linear.h>
#include <torch/types.h>

namespace nfopt::ops {

at::Tensor gru(const at::Tensor& x, const RecurrentWeights& weights, Direction direction, const at::Tensor& h0) {
  const int64_t width = weights.recurrent.size(-1);
  return recur(x, weights.input, weights.input_bias, direction, {h0}, {width},
               [&](const at::Tensor& from_input, std::vector<at::Tensor>& state) {
                 const at::Tensor& h = state[0];
                 const at::Tensor recurrent = ops::linear(h, weights.recurrent, weights.recurrent_bias);
                 const std::vector<at::Tensor> gates =
                     at::sigmoid(from_input.narrow(-1, 0, 2 * width) + recurrent.narrow(-1, 0, 2 * width)).chunk(2, -1);
                 const at::Tensor n = at::tanh(at::addcmul(from_input.narrow(-1, 2 * width, width), gates[0],
                                                           recurrent.narrow(-1, 2 * width, width)));
                 state[0] = at::lerp(n, h, gates[1]);
               });
}

}  // namespace nfopt::ops
