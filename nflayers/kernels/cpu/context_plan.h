#pragma once

#include <nfopt/nflayers/spec/export.h>
#include <nfopt/nflayers/spec/weight_space.h>

#include <cstdint>
#include <utility>
#include <vector>

namespace nfopt::cpu {

/// A tensor as the fused step of the rule `context` reads it.
struct ContextStepTensor {
  int64_t numel = 0;
  int64_t offset = 0;    ///< along the flat axis of the accumulators
  int role = 0;          ///< which bias
  int row_axis = -1;     ///< averaged by the row statistics; -1: the tensor has no factored statistics
  int column_axis = -1;  ///< averaged by the column statistics

  // Filled by ContextStepPlan.
  std::vector<int64_t> shape;
  int64_t rows = 0, columns = 0;                ///< statistics
  int64_t rows_offset = 0, columns_offset = 0;  ///< in the state
  int64_t row_groups = 0;                       ///< rows are divided by their mean over `column_axis`
  std::vector<int32_t> group_of_row;            ///< empty: one group
  std::vector<int32_t> row_of, column_of;       ///< per element; empty for matrices, where they are the coordinates

  bool factored() const { return row_axis >= 0; }
  bool is_matrix() const { return factored() && row_of.empty(); }
};

/// One axis of one view that carries a label: where its context lies.
struct ContextStepAxis {
  int factor = 0;
  int table = 0;                               ///< which label
  int slot = 0;                                ///< which matrix
  std::vector<std::pair<int, int64_t>> index;  ///< (factor, multiplier): the sum over them is the row of the table
  float weight = 0;                            ///< of a sum over the other axes in the context mean
};

/// A view as rows of contiguous elements: factors before `split` count the rows, the others lie in a run.
struct ContextStepView {
  std::vector<int> tensors;      ///< of a stack: the first factor chooses; else one
  std::vector<int64_t> sizes;    ///< per factor
  std::vector<int64_t> strides;  ///< in elements of a tensor; 0 for the first factor of a stack
  int64_t offset = 0;
  bool stacked = false;
  size_t split = 0;
  int64_t rows = 1;
  int64_t run = 1;
  std::vector<ContextStepAxis> axes;
};

/// Rows of a view that share the contexts of their run.
struct ContextStepTile {
  int view = 0;
  int64_t first = 0;
  int64_t rows = 0;
};

/// How the fused step walks over a weight space: pure data, built once.
struct NFOPT_API ContextStepPlan {
  ContextStepPlan(const WeightSpace& space, std::vector<ContextStepTensor> tensors);

  std::vector<ContextStepTensor> tensors;
  std::vector<ContextStepView> views;
  std::vector<ContextStepTile> tiles;
  std::vector<int64_t> table_rows;     ///< per label with a context
  std::vector<int64_t> table_offsets;  ///< in rows
  int64_t all_table_rows = 0;
  int64_t total = 0;  ///< elements
  int64_t row_statistics = 0, column_statistics = 0;
};

}  // namespace nfopt::cpu
