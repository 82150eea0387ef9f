#pragma once

#include <ATen/core/Tensor.h>
#include <nfopt/nflayers/plan/block_layout.h>
#include <nfopt/nflayers/spec/export.h>

#include <memory>
#include <vector>

namespace nfopt {

/// Applies a BlockLayout to stored parameters, differentiably any number of times.
///
/// Shapes   parameters [P|1, shape...] in the layout's order  ->  coefficients [P, targets]
/// Cost     every number is read and written once per block that holds it, in strided runs; its derivative is the same
///          blocks read backwards.
/// [any-thread] immutable.
class NFOPT_API BlockMap {
 public:
  explicit BlockMap(const BlockLayout& layout);

  at::Tensor operator()(const std::vector<at::Tensor>& parameters) const;
  /// The transposed map: coefficients [P, targets] -> parameters [P, shape...], which is what gradients need.
  std::vector<at::Tensor> transposed(const at::Tensor& values) const;

  struct Blocks;
  class Table;

 private:
  std::shared_ptr<const Blocks> blocks_;
  std::shared_ptr<const Table> table_;  // of small blocks
};

}  // namespace nfopt
