#pragma once

#include <nfopt/nflayers/kernels/cpu/fused_step.h>

#include <cstdint>
#include <vector>

namespace nfopt::cpu {

/// One hidden layer, max(0, x w + b), with channels padded for the kernels.
struct BodyLayer {
  int64_t in = 0;   ///< channels that differ per element
  int64_t out = 0;  ///< padded
  int64_t weights =
      0;             ///< first number of w, 0 for the first layer: blocks of 8 outputs [block][in][8], last: [in][out]
  int64_t bias = 0;  ///< first number of b, [out]
};

/// What all members share.
struct StepShape {
  FusedDescription description;
  std::vector<BodyLayer> body;
  std::vector<int64_t> offsets;                ///< of the parameters along the flat axis
  int64_t total = 0;                           ///< N
  int64_t width = 0;                           ///< most channels of a hidden layer, padded
  std::vector<std::vector<int64_t>> partials;  ///< by view and chunk: its first number among all partial sums

  int64_t channels() const { return static_cast<int64_t>(description.channels.size()); }
  const Mixing& mixing() const { return description.mixing; }
};

/// One member: its tensors and its part of the workspace.
template <class T>
struct StepMember {
  std::vector<const T*> params, grads;
  std::vector<T*> outputs;         ///< where updates go; the parameters themselves when stepping in place
  bool subtract = false;           ///< outputs -= u instead of outputs = u
  const T* old_momenta = nullptr;  ///< [decays, N]
  T* momenta = nullptr;            ///< [decays, N], may be the same
  const T* old_step_momentum = nullptr;
  T* step_momentum = nullptr;
  T a = 0, b = 0, w = 0;  ///< of the step form

  const T* packed_body = nullptr;
  const T* first_bias = nullptr;  ///< of the first hidden layer, with the constant channels
  const T* packed_mixing = nullptr;
  T* sums = nullptr;          ///< [rows, padded(C)]
  T* planes = nullptr;        ///< scalars
  T* partials = nullptr;      ///< of all chunks of all views, [rows, padded(C)] each
  double* squares = nullptr;  ///< [blocks, channels]
  T* scales = nullptr;        ///< [parameters, channels]

  const T* weights_of(const BodyLayer& layer) const { return packed_body + layer.weights; }
  const T* bias_of(const BodyLayer& layer) const { return layer.weights == 0 ? first_bias : packed_body + layer.bias; }
};

/// Elements of pass 1 that are summed together, whatever the number of threads.
inline constexpr int64_t kSquareBlock = 1024;

// The passes for one piece of work each. Pieces write to places of their own, so that their order does not matter.

/// Pass 1: momenta of block `block` of parameter `tensor`, and the sum of squares of its clipped channels.
template <class T>
void accumulate(const StepShape& shape, const StepMember<T>& member, int64_t tensor, int64_t block, double* squares);
/// Pass 2: hidden channels of one chunk of a view; keeps scalars and partial sums.
template <class T>
void hidden(const StepShape& shape, const StepMember<T>& member, int64_t view, int64_t chunk, T* partials);
/// Between 2 and 3: sums of all halves, small products, broadcasts between them.
template <class T>
void mix(const StepShape& shape, const StepMember<T>& member);
/// Pass 3: broadcasts and the step, one chunk of a view.
template <class T>
void apply(const StepShape& shape, const StepMember<T>& member, int64_t view, int64_t chunk);

/// Rows of partial sums that chunk `chunk` keeps for a summed half, [first, first + count).
struct RowRange {
  int64_t first = 0, count = 0;
};
RowRange partial_rows(const MixView& view, const SummedHalf& half, int64_t chunk);

}  // namespace nfopt::cpu
