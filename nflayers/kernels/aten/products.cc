#include <nfopt/nflayers/kernels/aten/products.h>
#include <torch/types.h>

namespace nfopt::aten {
namespace {

int64_t positions(const at::Tensor& x) {
  int64_t n = 1;
  for (int64_t axis = 3; axis < x.dim(); ++axis) n *= x.size(axis);
  return n;
}

}  // namespace

at::Tensor ChannelMatrix::one() const {
  return values.as_strided({rows, columns}, {row_stride, column_stride}, values.storage_offset() + offset);
}

at::Tensor ChannelMatrix::repeated(int64_t count) const {
  return values.as_strided({count, rows, columns}, {0, row_stride, column_stride}, values.storage_offset() + offset);
}

at::Tensor ChannelMatrix::members() const {
  return values.as_strided({values.size(0), rows, columns}, {values.stride(0), row_stride, column_stride},
                           values.storage_offset() + offset);
}

void multiply_channels(const ChannelMatrix& m, const at::Tensor& x, const at::Tensor& y, bool accumulate) {
  const int64_t members = x.size(0), batch = x.size(1), all = members * batch, n = positions(x);
  const int64_t k = m.columns, o = m.rows;
  const double beta = accumulate ? 1.0 : 0.0;
  if (m.shared() && all == 1) {
    y.view({o, n}).addmm_(m.one(), x.reshape({k, n}), beta);
  } else if (n == 1 && m.shared()) {  // one position: the batch becomes the long axis of the product
    y.view({all, o}).addmm_(x.reshape({all, k}), m.transposed().one(), beta);
  } else if (n == 1) {
    y.view({members, batch, o}).baddbmm_(x.reshape({members, batch, k}), m.transposed().members(), beta);
  } else if (m.shared()) {
    y.view({all, o, n}).baddbmm_(m.repeated(all), x.reshape({all, k, n}), beta);
  } else if (batch == 1) {
    y.view({all, o, n}).baddbmm_(m.members(), x.reshape({all, k, n}), beta);
  } else {
    const at::Tensor matrices = m.members().unsqueeze(1).expand({members, batch, o, k}).reshape({all, o, k});
    y.view({all, o, n}).baddbmm_(matrices, x.reshape({all, k, n}), beta);
  }
}

at::Tensor gram_product(const at::Tensor& y, const at::Tensor& x, int64_t members) {
  const int64_t all = x.size(0) * x.size(1), n = positions(x), k = x.size(2), o = y.size(2);
  const int64_t per_member = all / members;  // networks summed into one matrix
  if (all == 1) return at::mm(y.reshape({o, n}), x.reshape({k, n}).t()).view({1, o * k});
  if (per_member == 1)
    return at::bmm(y.reshape({all, o, n}), x.reshape({all, k, n}).transpose(1, 2)).view({all, o * k});
  if (n == 1)
    return at::bmm(y.reshape({members, per_member, o}).transpose(1, 2), x.reshape({members, per_member, k}))
        .view({members, o * k});
  if (o * k > (o + k) * n) {  // copying the operands moves less than summing one matrix per network
    const at::Tensor ys = y.reshape({members, per_member, o, n}).transpose(1, 2).reshape({members, o, per_member * n});
    const at::Tensor xs = x.reshape({members, per_member, k, n}).transpose(1, 2).reshape({members, k, per_member * n});
    return at::bmm(ys, xs.transpose(1, 2)).view({members, o * k});
  }
  return at::bmm(y.reshape({all, o, n}), x.reshape({all, k, n}).transpose(1, 2))
      .view({members, per_member, o * k})
      .sum(1);
}

}  // namespace nfopt::aten
