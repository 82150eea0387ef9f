#pragma once

#include <nfopt/nflayers/kernels/cpu/element_loops.h>
#include <nfopt/nflayers/plan/plan.h>
#include <nfopt/nflayers/spec/export.h>

#include <cstdint>
#include <optional>
#include <vector>

namespace nfopt::cpu {

/// Elements that the kernels take at once. Channels are padded to whole vectors of every instruction set.
inline constexpr int64_t kTile = 48;
inline constexpr int64_t kChannelPad = 16;
constexpr int64_t padded(int64_t channels) { return (channels + kChannelPad - 1) / kChannelPad * kChannelPad; }

/// Numbers that are copied from the stored parameters of the layer, laid end to end, before a step:
/// packed[i] = scale[i] * parameters[source[i]], 0 where source is -1.
struct PackedCoefficients {
  std::vector<int32_t> source;
  std::vector<double> scale;

  int64_t size() const { return static_cast<int64_t>(source.size()); }
  void add(int64_t from, double factor) {
    source.push_back(static_cast<int32_t>(from));
    scale.push_back(factor);
  }
};

/// An input half whose hidden channels are summed and kept: `rows` rows of padded(C_in) numbers.
struct SummedHalf {
  int view = 0;
  int64_t rows = 0;
  int64_t first = 0;  ///< its first row among all summed halves
  LinearMap map;      ///< from the elements of the view; empty strides: summed from another half
  int from = -1;      ///< that half
  std::vector<int64_t> from_sizes;
  std::vector<int64_t> from_strides;  ///< from the rows of that half, as nested loops, to rows of this one
};

/// A plane of scalars: one number per row.
struct PlaneAdd {
  int64_t from = 0;  ///< first number of the source
  int64_t to = 0;    ///< first number of the target
  std::vector<int64_t> sizes;
  std::vector<int64_t> from_strides, to_strides;
};

/// One matrix product: targets are output halves, C_out planes each.
struct MixProduct {
  struct Input {
    int half = 0;  ///< summed half
    std::vector<int64_t> strides;
    int64_t folded = 1;
  };
  struct Output {
    int64_t to = 0;  ///< first number of its first plane
    int64_t plane = 0;
    std::vector<int64_t> strides;
    int64_t folded = 1;
  };
  std::vector<int64_t> sizes;
  int64_t positions = 1;
  std::vector<Input> inputs;
  std::vector<Output> outputs;
  int64_t columns = 0;       ///< of the packed matrix: sum over inputs of folded * padded(C_in)
  int64_t coefficients = 0;  ///< first packed number; rows run over outputs, C_out, folded
};

/// What one rank of output halves needs, smaller ones first.
struct MixStage {
  std::vector<std::pair<int64_t, int64_t>> biases;  ///< packed number, target number
  std::vector<PlaneAdd> smaller;                    ///< halves broadcast into larger ones
  MixProduct product;
  std::vector<PlaneAdd> scalars;  ///< scalars per element that belong to a half that several views share
};

/// Something that a view's outputs are the sum of.
struct PlaneRead {
  LinearMap map;
  int64_t first = 0;  ///< its first number among the planes
  int64_t plane = 0;  ///< distance of the planes of two output channels
};

/// One view in the three passes.
struct MixView {
  ElementLoops loops;
  std::vector<int> halves;   ///< summed from its elements
  int64_t scalars = 0;       ///< J: numbers theta . h kept per position
  int64_t first_scalar = 0;  ///< of its first plane; every plane has a number per position
  int64_t coefficients = 0;  ///< first packed number: [folded][padded(C_in)][padded(J)], or [J][padded(C_in)] if few
  int64_t chunk = 0;         ///< elements per task
  std::vector<PlaneRead> reads;  ///< from its elements

  bool few() const { return loops.folded == 1 && scalars <= 2; }
  int64_t positions() const { return loops.count / loops.folded; }
  /// Elements taken at once: whole positions.
  int64_t tile() const { return kTile / loops.folded * loops.folded; }
  int64_t chunks() const { return (loops.count + chunk - 1) / chunk; }
};

/// The last, mixing layer of an update network as the fused step evaluates it: everything of the plan that is small is
/// summed and multiplied; what is as large as the parameters is one scalar per element.
///
/// Buffers of one member, in numbers: `sums` rows of padded(C_in), `planes` scalars.
struct Mixing {
  int64_t in_channels = 0;
  int64_t out_channels = 0;
  std::vector<MixView> views;
  std::vector<SummedHalf> halves;  ///< a half comes after the one it is summed from
  std::vector<MixStage> stages;
  PackedCoefficients packed;
  int64_t sums = 0;
  int64_t planes = 0;
  int64_t first_plane = 0;  ///< numbers before it are the views' scalars

  /// Cuts every view into tasks, when everything else is known.
  void choose_chunks();
};

/// The equivariant layer over `plan` with parameters stored as in unf_layout. Nothing where the kernels have no path:
/// stacked tensors, positions with more folded entries than a tile.
NFOPT_API std::optional<Mixing> unf_mixing(const Plan& plan, int64_t in_channels, int64_t out_channels);

/// The same dense map for every element, parameters w [C_in, C_out], b [C_out]. `numels` are those of the tensors.
NFOPT_API Mixing pointwise_mixing(const std::vector<int64_t>& numels, int64_t in_channels, int64_t out_channels);

}  // namespace nfopt::cpu
