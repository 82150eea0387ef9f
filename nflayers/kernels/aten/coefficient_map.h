#pragma once

#include <ATen/core/Tensor.h>
#include <nfopt/nflayers/plan/index_map.h>
#include <nfopt/nflayers/spec/export.h>

#include <memory>
#include <vector>

namespace nfopt {

/// Applies an IndexMap to the last axis of [P, n], differentiably any number of times.
///
/// Where every target has at most one entry the map is one gather, otherwise a gather and a scattered sum; its
/// derivative is the transposed map and has the same two forms. A bijection is a gather both ways.
/// [any-thread] Index tensors are copied to a device on first use there and kept.
class NFOPT_API CoefficientMap {
 public:
  explicit CoefficientMap(const IndexMap& map);

  at::Tensor operator()(const at::Tensor& x) const;

  /// All stored parameters [P|1, shape...] end to end, [P, sources], then the map. Members are broadcast if one
  /// parameter has P and another 1.
  at::Tensor operator()(const std::vector<at::Tensor>& parameters) const;

  class Tables;

 private:
  std::shared_ptr<const Tables> tables_;
};

}  // namespace nfopt
