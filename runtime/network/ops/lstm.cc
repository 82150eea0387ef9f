#include <nfopt/runtime/network/ops/linear.h>
#include <nfopt/runtime/network/ops/lstm.h>
#include <torch/types.h>

namespace nfopt::ops {

at::Tensor lstm(const at::Tensor& x, const RecurrentWeights& weights, Direction direction, const at::Tensor& h0,
                const at::Tensor& c0) {
  const int64_t width = weights.input.size(1) / 4;
  const at::Tensor recurrent = weights.recurrent.transpose(1, 2);
  return recur(x, weights.input, summed_bias(weights), direction, {h0, c0}, {recurrent.size(1), width},
               [&](const at::Tensor& from_input, std::vector<at::Tensor>& state) {
                 const std::vector<at::Tensor> gates = at::baddbmm(from_input, state[0], recurrent).chunk(4, -1);
                 const at::Tensor input = gates[0].sigmoid() * gates[2].tanh();
                 state[1] = at::addcmul(input, gates[1].sigmoid(), state[1]);
                 state[0] = gates[3].sigmoid() * state[1].tanh();
                 if (weights.projection.defined()) state[0] = ops::linear(state[0], weights.projection);
               });
}

}  // namespace nfopt::ops
