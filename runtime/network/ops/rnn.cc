#include <nfopt/runtime/network/ops/rnn.h>
#include <torch/types.h>

namespace nfopt::ops {

at::Tensor rnn(const at::Tensor& x, const RecurrentWeights& weights, Activation activation, Direction direction,
               const at::Tensor& h0) {
  const at::Tensor recurrent = weights.recurrent.transpose(1, 2);
  return recur(x, weights.input, summed_bias(weights), direction, {h0}, {recurrent.size(1)},
               [&](const at::Tensor& from_input, std::vector<at::Tensor>& state) {
                 state[0] = activation(at::baddbmm(from_input, state[0], recurrent));
               });
}

}  // namespace nfopt::ops
