#pragma once

#include <ATen/core/Tensor.h>
#include <nfopt/nflayers/kernels/aten/halves.h>

namespace nfopt::aten {

/// A matrix per member of a population, or one for all, as a window on flat numbers [P|1, total].
struct ChannelMatrix {
  at::Tensor values;
  int64_t offset = 0;
  int64_t rows = 0;
  int64_t columns = 0;
  int64_t row_stride = 0;
  int64_t column_stride = 1;

  ChannelMatrix transposed() const { return {values, offset, columns, rows, column_stride, row_stride}; }
  bool shared() const { return values.size(0) == 1; }
  at::Tensor one() const;                    ///< [rows, columns], of the first member
  at::Tensor repeated(int64_t count) const;  ///< [count, rows, columns] of a shared matrix, without a copy
  at::Tensor members() const;                ///< [P, rows, columns]
};

/// y[p, b] = scale * M[p] x[p, b] + start[p, b].
/// Shapes   M [P|1, O, K]   x [P, B, K, sizes...]   y [P, B, O, sizes...], contiguous or some channels of a contiguous
/// tensor
void multiply_channels(const ChannelMatrix& m, const at::Tensor& x, const at::Tensor& y, const Start& start,
                       double scale = 1.0);

/// G[p] = sum over b and positions of y[p, b] x[p, b]^T, and over p too if `members` is 1.
/// Shapes   y [P, B, O, sizes...]   x [P, B, K, sizes...]   G [members, O, K]
at::Tensor gram_product(const at::Tensor& y, const at::Tensor& x, int64_t members);

/// The same, written where it belongs: g[p] = scale * G[p] + (accumulate ? g[p] : 0). Outside of autograd's graphs.
void gram_into(const at::Tensor& y, const at::Tensor& x, const ChannelMatrix& g, bool accumulate, double scale = 1.0);

}  // namespace nfopt::aten
