#include <ATen/Parallel.h>
#include <nfopt/nflayers/kernels/aten/products.h>
#include <nfopt/nflayers/kernels/aten/recycled.h>
#include <nfopt/nflayers/kernels/features/channel_product.h>
#include <torch/types.h>

#include <algorithm>
#include <vector>

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
  return recycled_reshape(x.reshape({count, networks, channels, n}).transpose(1, 2), {count, channels, networks * n});
}

template <class T>
void multiply_rows_of_all(const ChannelMatrix& m, const at::Tensor& x, const at::Tensor& y, const Start& start,
                          double scale) {
  const int64_t members = y.size(0), batch = y.size(1), rows = y.size(3), columns = y.size(4);
  const int64_t size = cpu::packed_size(m.rows, m.columns), matrices = m.values.size(0);
  std::vector<T> packed(static_cast<size_t>(size * matrices));
  for (int64_t p = 0; p < matrices; ++p)
    cpu::pack(m.values.const_data_ptr<T>() + p * m.values.stride(0) + m.offset, m.rows, m.columns, m.row_stride,
              m.column_stride, scale, packed.data() + p * size);
  const int64_t work = m.rows * m.columns * columns;  // of a row
  at::parallel_for(0, members * batch * rows, std::max<int64_t>(1, (1 << 18) / work), [&](int64_t begin, int64_t end) {
    while (begin < end) {
      const int64_t network = begin / rows, p = network / batch, b = network % batch;
      const int64_t first = begin - network * rows, last = std::min(rows, first + end - begin);
      const auto at = [&](const at::Tensor& t) { return p * t.stride(0) + b * t.stride(1); };
      cpu::ChannelProduct<T> product;
      product.outputs = m.rows;
      product.inputs = m.columns;
      product.columns = columns;
      product.x = x.const_data_ptr<T>() + at(x);
      product.x_channel = x.stride(2);
      product.x_row = x.stride(3);
      product.y = y.mutable_data_ptr<T>() + at(y);
      product.y_channel = y.stride(2);
      product.y_row = y.stride(3);
      product.accumulate = start.there;
      if (start.along_columns.defined()) {
        product.along_columns = start.along_columns.const_data_ptr<T>() + at(start.along_columns);
        product.along_columns_channel = start.along_columns.stride(2);
        product.along_columns_row = start.along_columns.stride(3);
        product.along_rows = start.along_rows.const_data_ptr<T>() + at(start.along_rows);
        product.along_rows_channel = start.along_rows.stride(2);
      }
      cpu::multiply_rows(product, packed.data() + (matrices == 1 ? 0 : p * size), first, last);
      begin += last - first;
    }
  });
}

void put(const at::Tensor& into, const at::Tensor& value, bool accumulate, double scale) {
  if (accumulate)
    into.add_(value, scale);
  else
    into.copy_(scale == 1.0 ? value : value * scale);
}

bool in_graph(const at::Tensor& t) { return t.defined() && t.requires_grad(); }

// Few channels of large matrices: the products of BLAS libraries are made for more, and write what is broadcast first.
bool multiply_in_one_pass(const ChannelMatrix& m, const at::Tensor& x, const at::Tensor& y, const Start& start,
                          double scale) {
  constexpr int64_t kMostEntries = 64 * 64, kLeastColumns = 16;
  if (y.dim() != 5 || !y.device().is_cpu() || m.columns == 0 || m.columns > cpu::kMostProductInputs ||
      m.rows * m.columns > kMostEntries || y.size(4) < kLeastColumns || x.stride(4) != 1 || y.stride(4) != 1)
    return false;
  if (at::GradMode::is_enabled() && (in_graph(m.values) || in_graph(x) || in_graph(y))) return false;
  if (start.along_rows.defined() && start.along_rows.stride(3) != 1) return false;
  if (y.scalar_type() == at::kFloat) return multiply_rows_of_all<float>(m, x, y, start, scale), true;
  if (y.scalar_type() == at::kDouble) return multiply_rows_of_all<double>(m, x, y, start, scale), true;
  return false;
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

void multiply_channels(const ChannelMatrix& m, const at::Tensor& x, const at::Tensor& y, const Start& start,
                       double scale) {
  if (multiply_in_one_pass(m, x, y, start, scale)) return;
  const bool accumulate = write_start(start, y);
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
