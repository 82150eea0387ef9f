#pragma once

#include <ATen/core/Tensor.h>
#include <nfopt/nflayers/spec/export.h>

#include <cstdint>
#include <functional>
#include <vector>

namespace nfopt::ops {

/// In which order a recurrent layer reads its sequence. Results lie at their own positions either way.
enum class Direction : uint8_t { forward, backward };

/// The parameters of one recurrent layer in one direction, PyTorch's layout: G gates of h units are stacked on axis 1.
struct RecurrentWeights {
  at::Tensor input;           ///< [P, G*h, in]
  at::Tensor recurrent;       ///< [P, G*h, h], or [P, G*h, proj] with a projection
  at::Tensor input_bias;      ///< [P, G*h] or undefined
  at::Tensor recurrent_bias;  ///< [P, G*h] or undefined
  at::Tensor projection;      ///< [P, proj, h] or undefined (LSTM only)
};

/// What a cell makes of one step: `from_input` [P, B, G*h] is the input's share of the gates. Updates `state`, tensors
/// [P, B, ..] of which the first is the layer's output.
using Cell = std::function<void(const at::Tensor& from_input, std::vector<at::Tensor>& state)>;

/// Runs a cell along a sequence, all members at once. The inputs' share of the gates, `input` x + `bias`, is one matrix
/// product for all steps.
///
/// Shapes   x [P|1, B, T, in]   input [P, G*h, in]   bias [P, G*h] or undefined
///          start: a tensor [P, 1|B, width] per state, undefined for zeros of that many entries (`widths`)
///          ->  the first state after every step, [P, B, T, widths[0]]
/// Throws Error when x is no sequence, or as linear() does.
NFOPT_API at::Tensor recur(const at::Tensor& x, const at::Tensor& input, const at::Tensor& bias, Direction direction,
                           const std::vector<at::Tensor>& start, const std::vector<int64_t>& widths, const Cell& cell);

/// Both biases as one, for cells that only ever read the sum of their two products. May be undefined.
NFOPT_API at::Tensor summed_bias(const RecurrentWeights& weights);

}  // namespace nfopt::ops
