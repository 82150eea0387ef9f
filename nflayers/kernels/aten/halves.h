#pragma once

#include <ATen/core/Tensor.h>
#include <nfopt/nflayers/plan/plan.h>

#include <vector>

namespace nfopt::aten {

/// One side of a plan seen by an executor. Applying a layer contracts the inputs and expands the outputs; its adjoint
/// contracts the outputs and expands the inputs: the same two functions with the sides exchanged.
struct Side {
  const std::vector<Half>& halves;
  std::vector<int> PlanView::*of_view;
  std::vector<Block> Signature::*blocks;
  int64_t Signature::*channels;
  bool averages;  ///< an input half is a mean; an output half broadcasts, and its adjoint is a sum
};

inline Side input_side(const Plan& plan) {
  return {plan.inputs, &PlanView::inputs, &Signature::inputs, &Signature::input_channels, true};
}
inline Side output_side(const Plan& plan) {
  return {plan.outputs, &PlanView::outputs, &Signature::outputs, &Signature::output_channels, false};
}

/// X of every signature, [P, B, K, N], from the views [P, B, C * F, axes...]. Each half is reduced once, from a larger
/// one where there is one. A signature with a single block is not copied if its memory allows.
std::vector<at::Tensor> contract(const Plan& plan, const Side& side, const std::vector<at::Tensor>& views);

/// Views [P, B, C * F, axes...] from Y of every signature, [P, B, O, N]. Small results are added into larger ones
/// before a full-size tensor is touched. Writes into the memory of `products`.
std::vector<at::Tensor> expand(const Plan& plan, const Side& side, const std::vector<at::Tensor>& products);

}  // namespace nfopt::aten
