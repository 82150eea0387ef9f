#include <nfopt/nflayers/kernels/aten/products.h>
#include <torch/types.h>

namespace nfopt::aten {
namespace {

int64_t positions(const at::Tensor& x) {
  int64_t n = 1;
  for (int64_t axis = 3; axis < x.dim(); ++axis) n *= x.size(axis);
  return n;
}

// A product per network reads or writes the matrix [o, k] once per network. Where that is more than the operands of all
// networks, these are copied side by side, so that the product is one.
bool joins(int64_t networks, int64_t o, int64_t k, int64_t n) { return networks > 1 && n > 1 && o * k > (o + k) * n; }

// [count * networks, C, n] -> [count, C, networks * n]
at::Tensor side_by_side(const at::Tensor& x, int64_t count, int64_t networks, int64_t channels, int64_t n) {
  return x.reshape({count, networks, channels, n}).transpose(1, 2).reshape({count, channels, networks * n});
}

void put(const at::Tensor& into, const at::Tensor& value, bool accumulate, double scale) {
  if (accumulate)
    into.add_(value, scale);
  else
    into.copy_(scale == 1.0 ? value : value * scale);
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

void multiply_channels(const ChannelMatrix& m, const at::Tensor& x, const at::Tensor& y, bool accumulate,
                       double scale) {
  const int64_t members = x.size(0), batch = x.size(1), all = members * batch, n = positions(x);
  const int64_t k = m.columns, o = m.rows;
  const double beta = accumulate ? 1.0 : 0.0;
  if (m.shared() && all == 1) {
    y.view({o, n}).addmm_(m.one(), x.reshape({k, n}), beta, scale);
  } else if (n == 1 && m.shared()) {  // one position: the batch becomes the long axis of the product
    y.view({all, o}).addmm_(x.reshape({all, k}), m.transposed().one(), beta, scale);
  } else if (n == 1) {
    y.view({members, batch, o}).baddbmm_(x.reshape({members, batch, k}), m.transposed().members(), beta, scale);
  } else if (m.shared() && joins(all, o, k, n)) {
    const at::Tensor product = at::mm(m.one(), side_by_side(x, 1, all, k, n)[0]);
    put(y.view({all, o, n}), product.view({o, all, n}).transpose(0, 1), accumulate, scale);
  } else if (m.shared()) {
    y.view({all, o, n}).baddbmm_(m.repeated(all), x.reshape({all, k, n}), beta, scale);
  } else if (batch == 1) {
    y.view({all, o, n}).baddbmm_(m.members(), x.reshape({all, k, n}), beta, scale);
  } else if (joins(batch, o, k, n)) {
    const at::Tensor product = at::bmm(m.members(), side_by_side(x, members, batch, k, n));
    put(y.view({members, batch, o, n}), product.view({members, o, batch, n}).transpose(1, 2), accumulate, scale);
  } else {
    const at::Tensor matrices = m.members().unsqueeze(1).expand({members, batch, o, k}).reshape({all, o, k});
    y.view({all, o, n}).baddbmm_(matrices, x.reshape({all, k, n}), beta, scale);
  }
}

at::Tensor gram_product(const at::Tensor& y, const at::Tensor& x, int64_t members) {
  const int64_t all = x.size(0) * x.size(1), n = positions(x), k = x.size(2), o = y.size(2);
  const int64_t per_member = all / members;  // networks summed into one matrix
  if (per_member == 1) return at::bmm(y.reshape({all, o, n}), x.reshape({all, k, n}).transpose(1, 2));
  if (n == 1) return at::bmm(y.reshape({members, per_member, o}).transpose(1, 2), x.reshape({members, per_member, k}));
  if (joins(per_member, o, k, n))
    return at::bmm(side_by_side(y, members, per_member, o, n),
                   side_by_side(x, members, per_member, k, n).transpose(1, 2));
  return at::bmm(y.reshape({all, o, n}), x.reshape({all, k, n}).transpose(1, 2))
      .view({members, per_member, o, k})
      .sum(1);
}

void gram_into(const at::Tensor& y, const at::Tensor& x, const ChannelMatrix& g, bool accumulate, double scale) {
  if (g.rows * g.columns == 0) return;
  if (!g.shared()) return put(g.members(), gram_product(y, x, g.values.size(0)), accumulate, scale);
  const int64_t all = x.size(0) * x.size(1), n = positions(x), k = g.columns, o = g.rows;
  const at::Tensor into = g.one();
  const double beta = accumulate ? 1.0 : 0.0;
  if (n == 1) {
    into.addmm_(y.reshape({all, o}).t(), x.reshape({all, k}), beta, scale);
  } else if (joins(all, o, k, n)) {
    into.addmm_(side_by_side(y, 1, all, o, n)[0], side_by_side(x, 1, all, k, n)[0].t(), beta, scale);
  } else if (all > 1 && o * k < 64 * 64) {  // calls cost more than one small matrix per network
    put(into, gram_product(y, x, 1)[0], accumulate, scale);
  } else {
    const at::Tensor ys = y.reshape({all, o, n}), xs = x.reshape({all, k, n});
    for (int64_t i = 0; i < all; ++i) into.addmm_(ys[i], xs[i].t(), i == 0 ? beta : 1.0, scale);
  }
}

}  // namespace nfopt::aten
