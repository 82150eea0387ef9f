#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

namespace nfopt {

/// y = W x + b for every element of every tensor alike.
struct PointwiseMap {
  at::Tensor weight;  ///< [P|1, C_out, C_in]
  at::Tensor bias;    ///< [P|1, C_out, 1] or undefined
  bool relu = false;  ///< max(0, y) follows

  at::Tensor operator()(const at::Tensor& x) const;  ///< [P, C_in, N] -> [P, C_out, N]
};

/// Several of them in a row. Without gradients the elements are taken in blocks that stay in the cache together with
/// all hidden channels: the chain then reads and writes main memory once instead of once per layer.
at::Tensor apply_chain(const std::vector<PointwiseMap>& chain, const at::Tensor& x);

}  // namespace nfopt
