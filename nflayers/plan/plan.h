#pragma once

#include <nfopt/nflayers/spec/export.h>
#include <nfopt/nflayers/spec/fold.h>
#include <nfopt/nflayers/spec/partitions.h>
#include <nfopt/nflayers/spec/weight_space.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace nfopt {

/// An axis of a view: index i along it moves `stride` entries along axis `source_axis` of its source.
struct PlanAxis {
  int source_axis = 0;
  int64_t stride = 0;
  int64_t size = 0;
};

/// A view as executors read and write it: layer channels first, then the axes that labels permute.
struct PlanView {
  std::string name;
  int source = 0;
  std::vector<int64_t> offsets;   ///< first entry along each axis of the source
  std::vector<PlanAxis> folded;   ///< row-major into the channel: channel c at folded index f is c * F + f
  std::vector<PlanAxis> axes;     ///< in factor order
  std::vector<int> factor_order;  ///< position in (folded..., axes...) of each factor in turn
  int64_t folded_size = 1;        ///< F
  bool whole = false;             ///< axis by axis its source: reading it needs no arithmetic
  std::vector<int> inputs;        ///< its halves in Plan::inputs, parents before children
  std::vector<int> outputs;       ///< its halves in Plan::outputs, parents before children
};

struct PlanSource {
  std::vector<int> tensors;  ///< positions in the feature list; one unless stacked
  bool stacked = false;
  std::vector<int64_t> shape;  ///< the leading axis included when stacked
  std::vector<int> views;
};

struct PlanTensor {
  std::string name;
  std::vector<int64_t> shape;
};

/// Half of a diagram: a partition of one view's own axes into cells of one label, and the cells that are kept.
///
/// Read as an input: the diagonal over cells of several axes, averaged over the cells that are not kept. Read as an
/// output: broadcast along the cells that are not kept, written on the diagonal. A nested cell is kept only if its
/// parent is. Each half follows from a larger half of the same partition by dropping cells (totals from row means).
struct Half {
  int view = 0;
  Partition cells;             ///< positions in PlanView::axes, ordered by first axis
  std::vector<int> kept;       ///< ascending positions in cells
  std::vector<int64_t> sizes;  ///< of the kept cells
  int64_t count = 1;           ///< product of the sizes of the other cells: what a mean divides by
  int parent = -1;             ///< the half this one is reduced from; -1: the view itself, seen through `cells`
  std::vector<int> children;   ///< the halves that have this one as parent
  std::vector<int> dropped;    ///< axes of the parent (or of the cells) that this half has lost
};

/// A half in the axis order of its signature.
struct Block {
  int half = 0;
  std::vector<int> order;  ///< axis j of the signature is kept cell order[j] of the half
  int64_t channel = 0;     ///< first layer channel of the block, in units of C
};

/// One matrix product: all halves whose kept cells agree in labels and nesting.
///
///   Y [O, N] = M [O, K] X [K, N]     N positions,  K = C_in * input_channels,  O = C_out * output_channels
///
/// With repeated labels an input half has several alignments with the signature's axes; each is a block of its own.
struct Signature {
  std::string name;  ///< canonical form of the kept labels, "(3)(5(7))" for 3 and 5 with 7 nested in it
  std::vector<int64_t> sizes;
  int64_t positions = 1;
  std::vector<Block> inputs;
  std::vector<Block> outputs;
  int64_t input_channels = 0;
  int64_t output_channels = 0;
  int64_t coefficient = 0;  ///< where M starts among the coefficients, in units of C_in * C_out
};

/// One basis term: block of `outputs` and block of `inputs` of a signature.
struct Term {
  int out_view = 0;
  int in_view = 0;
  int index = 0;  ///< position in valid_partitions(out, in)
  int signature = 0;
  int input = 0;
  int output = 0;
};

/// Which terms a layer has; all when empty.
using TermFilter = std::function<bool(int out_view, int in_view, const Partition& partition)>;

/// How a linear layer over a weight space is evaluated: every input read once per half, one matrix product per
/// signature, every output written once per half (docs/engine.md). Pure data, shared by all executors.
///
/// Building costs O(terms log terms); evaluation reads and writes each element a number of times that does not depend
/// on the number of terms.
struct Plan {
  std::vector<PlanTensor> tensors;
  std::vector<PlanSource> sources;
  std::vector<PlanView> views;
  std::vector<Half> inputs;           ///< by view, parents before children
  std::vector<Half> outputs;          ///< by view, parents before children
  std::vector<Signature> signatures;  ///< the first keeps nothing; its first outputs are all views, in order: the bias
  std::vector<int> by_rank;           ///< the signatures, fewest axes first: a half comes after all its children
  std::vector<Term> terms;            ///< by output view, input view, published order
  int64_t coefficient_blocks = 0;     ///< sum over signatures of input_channels * output_channels
  int64_t bias_channels = 0;          ///< sum over views of F
};

NFOPT_API Plan build_plan(const WeightSpace& space, const Fold& fold = Fold::fixed(), const TermFilter& keep = {});

}  // namespace nfopt
