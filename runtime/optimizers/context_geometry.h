#pragma once

#include <nfopt/nflayers/spec/export.h>
#include <nfopt/nflayers/spec/weight_space.h>

#include <cstdint>
#include <vector>

namespace nfopt {

/// What the rule `context` knows of a tensor before it has seen a number.
struct ContextTensor {
  int64_t numel = 0;
  int64_t fan_in = 1;  ///< entries per unit that the tensor writes
  int role = 0;        ///< 0 weight or table, 1 bias, 2 other, 3 weight of the network's outputs
  /// Adafactor's two axes: row statistics average the larger one (`row_axis`), column statistics the other; of equal
  /// axes the later is the larger. -1: the tensor has fewer than two axes, or an average along one of
  /// them would mix entries that the group permutes differently.
  int row_axis = -1;
  int column_axis = -1;

  bool factored() const { return row_axis >= 0; }
  int64_t rows = 0;     ///< numel / size of row_axis, 0 unless factored
  int64_t columns = 0;  ///< numel / size of column_axis
};

/// One per tensor of the space.
NFOPT_API std::vector<ContextTensor> context_tensors(const WeightSpace& parameters);

}  // namespace nfopt
