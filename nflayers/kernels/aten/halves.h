#pragma once

#include <ATen/core/Tensor.h>
#include <nfopt/nflayers/plan/plan.h>

#include <functional>
#include <vector>

namespace nfopt::aten {

/// One side of a plan seen by an executor. Applying a layer contracts the inputs and expands the outputs; its adjoint
/// contracts the outputs and expands the inputs: the same two functions with the sides exchanged. That they are each
/// other's adjoint is why contractions are sums; coefficients carry the division of a mean.
struct Side {
  const std::vector<Half>& halves;
  std::vector<int> PlanView::*of_view;
  std::vector<Block> Signature::*blocks;
  int64_t Signature::*channels;
};

inline Side input_side(const Plan& plan) {
  return {plan.inputs, &PlanView::inputs, &Signature::inputs, &Signature::input_channels};
}
inline Side output_side(const Plan& plan) {
  return {plan.outputs, &PlanView::outputs, &Signature::outputs, &Signature::output_channels};
}

/// X of every signature, [P, B, K, sizes...], from the views [P, B, C * F, axes...]. Each half is reduced once, from a
/// larger one where there is one. A signature with a single block is not copied.
std::vector<at::Tensor> contract(const Plan& plan, const Side& side, const std::vector<at::Tensor>& views);

/// The leading shape and options of what `expand` makes.
struct Frame {
  int64_t members = 1;
  int64_t batch = 1;
  int64_t channels = 1;  ///< C
  at::TensorOptions options;
};

/// What a product is added to: nothing, what its memory holds already, or for two axes what is broadcast along each of
/// them, which has not been written yet, so that a product may do it in the same pass.
struct Start {
  bool there = false;
  at::Tensor along_columns;  ///< [P, B, O, rows], with the other one or not at all
  at::Tensor along_rows;     ///< [P, B, O, columns]
};

/// Writes what is broadcast. Returns whether y holds something that a product has to be added to.
bool write_start(const Start& start, const at::Tensor& y);

/// Writes start + a signature's product into y [P, B, O, sizes...], contiguous.
using Multiply = std::function<void(int signature, const at::Tensor& y, const Start& start)>;

/// Views [P, B, C * F, axes...] from the products of all signatures. Smaller products come first and are broadcast into
/// the memory of larger ones, to which the matrix product then adds: a full-size tensor is written once for everything
/// smaller and once by its product. `bias` [P|1, bias_channels * C] starts the smallest one; undefined: none.
std::vector<at::Tensor> expand(const Plan& plan, const Side& side, const Frame& frame, const at::Tensor& bias,
                               const Multiply& multiply);

/// The diagonal of a view [P, B, C * F, axes...] over cells of joined axes, sharing its memory.
at::Tensor diagonal(const at::Tensor& view, const Partition& cells);

}  // namespace nfopt::aten
