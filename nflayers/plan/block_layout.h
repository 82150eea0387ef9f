#pragma once

#include <nfopt/nflayers/plan/coefficients.h>
#include <nfopt/nflayers/plan/plan.h>
#include <nfopt/nflayers/spec/export.h>

#include <cstdint>
#include <set>
#include <utility>
#include <vector>

namespace nfopt {

/// One axis of a rectangle of numbers that is read with one stride and written with another.
struct BlockAxis {
  int64_t size = 1;
  int64_t source = 0;  ///< stride in the stored parameter; 0: the same number is used `size` times
  int64_t target = 0;  ///< stride among the coefficients
};

/// A rectangle of a stored parameter on its way to a rectangle of the coefficients.
///
///   y[target + sum_a i_a target_a] += scale * x[source + sum_a i_a source_a]        x = the parameter, row-major
struct CoefficientBlock {
  int parameter = -1;  ///< index into BlockLayout::parameters; -1: the targets are zero
  int64_t source = 0;
  int64_t target = 0;
  double scale = 1.0;
  std::vector<BlockAxis> axes;
  bool first_on_target = true;  ///< no block before it writes these targets
  bool first_on_source = true;  ///< no block before it reads these sources
  int signature = -1;           ///< whose matrix the targets belong to; -1: a bias
  int row_axes = 0;             ///< of a matrix: how many of `axes` run along its rows, the others along its columns
};

/// A coefficient layout made of rectangles: what CoefficientLayout says entry by entry, without a table as long as the
/// parameters. Blocks have either the same targets or disjoint ones, and so have their sources.
struct BlockLayout {
  std::vector<StoredParameter> parameters;
  std::vector<CoefficientBlock> blocks;
  int64_t targets = 0;
};

/// Collects the blocks of a plan's coefficients. One matrix `M_oi` [C_out * F_o, C_in * F_i] stands between output block
/// o and input block i of a signature; matrices and biases that nothing was written to are zero.
class NFOPT_API BlockLayoutBuilder {
 public:
  BlockLayoutBuilder(const Plan& plan, int64_t in_channels, int64_t out_channels);

  /// Returns the parameter's index. `shape` is without the population dimension.
  int parameter(std::string name, std::vector<int64_t> shape);

  /// One side of M_oi as the parameter stores it: axes with the stride of the parameter (0: repeated) and of the layer
  /// channel c * F + f.
  struct Side {
    int64_t size = 1;
    int64_t stored = 0;
    int64_t channel = 0;
  };

  /// M_oi += scale * mean(input) * parameter[first + rows + columns]. `rows` and `columns` cover all channels.
  void matrix(int signature, int output, int input, int parameter, int64_t first, const std::vector<Side>& rows,
              const std::vector<Side>& columns, double scale = 1.0);
  /// bias_view += parameter[first + rows]
  void bias(int view, int parameter, int64_t first, const std::vector<Side>& rows);

  BlockLayout finish() &&;

 private:
  void add(CoefficientBlock block);
  int64_t target(const Signature& signature, int output, int input) const;

  const Plan& plan_;
  CoefficientShape shape_;
  int64_t in_channels_;
  int64_t out_channels_;
  BlockLayout layout_;
  std::set<int64_t> targets_;
  std::set<std::pair<int, int64_t>> sources_;
};

/// The same map entry by entry.
NFOPT_API IndexMap index_map(const BlockLayout& layout);

/// The layout of Universal Neural Functionals (see unf_layout): one block per term, and one per bias.
NFOPT_API BlockLayout unf_block_layout(const Plan& plan, int64_t in_channels, int64_t out_channels);

}  // namespace nfopt
