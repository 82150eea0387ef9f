#include <nfopt/nflayers/spec/error.h>
#include <nfopt/runtime/network/ops/linear.h>
#include <nfopt/runtime/network/ops/recurrence.h>
#include <nfopt/runtime/network/ops/shape_text.h>
#include <torch/types.h>

namespace nfopt::ops {

at::Tensor summed_bias(const RecurrentWeights& weights) {
  if (!weights.input_bias.defined()) return weights.recurrent_bias;
  return weights.recurrent_bias.defined() ? weights.input_bias + weights.recurrent_bias : weights.input_bias;
}

at::Tensor recur(const at::Tensor& x, const at::Tensor& input, const at::Tensor& bias, Direction direction,
                 const std::vector<at::Tensor>& start, const std::vector<int64_t>& widths, const Cell& cell) {
  if (x.dim() != 4 || x.size(2) < 1) {
    throw Error("network", "A recurrent layer expects sequences x [P|1, B, T, in] with at least one step; received " +
                               shape_text({{"x", x}}) + ".");
  }
  const std::vector<at::Tensor> steps = ops::linear(x, input, bias).unbind(2);
  std::vector<at::Tensor> state;
  for (size_t i = 0; i < widths.size(); ++i) {
    const std::vector<int64_t> shape = {steps[0].size(0), steps[0].size(1), widths[i]};
    const bool given = i < start.size() && start[i].defined();
    state.push_back(given ? start[i].expand(shape) : at::zeros(shape, steps[0].options()));
  }
  std::vector<at::Tensor> outputs(steps.size());
  for (size_t i = 0; i < steps.size(); ++i) {
    const size_t t = direction == Direction::forward ? i : steps.size() - 1 - i;
    cell(steps[t], state);
    outputs[t] = state.front();
  }
  return at::stack(outputs, 2);
}

}  // namespace nfopt::ops
