// The products of a small perceptron's passes, as register blocks along rows of whole vectors.
#if defined(NFOPT_RUNTIME_TASKS_MLP_PRODUCTS_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef NFOPT_RUNTIME_TASKS_MLP_PRODUCTS_INL_H
#undef NFOPT_RUNTIME_TASKS_MLP_PRODUCTS_INL_H
#else
#define NFOPT_RUNTIME_TASKS_MLP_PRODUCTS_INL_H
#endif

#include <hwy/highway.h>
#include <nfopt/nflayers/kernels/cpu/leading_lanes-inl.h>
#include <nfopt/nflayers/kernels/cpu/unrolled-inl.h>

#include <algorithm>
#include <cstddef>

HWY_BEFORE_NAMESPACE();
namespace nfopt::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using cpu::HWY_NAMESPACE::store_leading;
using cpu::HWY_NAMESPACE::unrolled;

// Accumulators of a block, kRows x 2 vectors, must fit the registers next to what they are computed from.
#if HWY_TARGET <= HWY_AVX3 || HWY_ARCH_ARM_A64
constexpr size_t kRows = 8;
#else
constexpr size_t kRows = 4;
#endif

/// A matrix with `step` numbers from row to row.
template <class T>
struct Rows {
  T* data;
  size_t step;
  T* at(size_t row, size_t column) const { return data + row * step + column; }
};

/// y(r, c) = b(c) + sum_i x(r, i) w(i, c) for kR rows and kV vectors of columns.
template <size_t kR, size_t kV, class T>
HWY_INLINE void product_block(Rows<const T> x, size_t in, Rows<const T> w, const T* HWY_RESTRICT b, Rows<T> y) {
  const hn::ScalableTag<T> d;
  const size_t lanes = hn::Lanes(d);
  hn::Vec<decltype(d)> sum[kR][kV];
  unrolled<kV>([&](auto v) NFOPT_LAMBDA {
    const auto first = b == nullptr ? hn::Zero(d) : hn::Load(d, b + v * lanes);
    unrolled<kR>([&](auto r) NFOPT_LAMBDA { sum[r][v] = first; });
  });
  for (size_t i = 0; i < in; ++i) {
    hn::Vec<decltype(d)> weight[kV];
    unrolled<kV>([&](auto v) NFOPT_LAMBDA { weight[v] = hn::LoadU(d, w.at(i, v * lanes)); });
    unrolled<kR>([&](auto r) NFOPT_LAMBDA {
      const auto element = hn::Set(d, *x.at(r, i));
      unrolled<kV>([&](auto v) NFOPT_LAMBDA { sum[r][v] = hn::MulAdd(weight[v], element, sum[r][v]); });
    });
  }
  unrolled<kR>([&](auto r) NFOPT_LAMBDA {
    unrolled<kV>([&](auto v) NFOPT_LAMBDA { hn::Store(sum[r][v], d, y.at(r, v * lanes)); });
  });
}

template <size_t kR, size_t kV, class T>
HWY_INLINE void product_rows(Rows<const T> x, size_t count, size_t in, Rows<const T> w, const T* b, Rows<T> y) {
  size_t r = 0;
  for (; r + kR <= count; r += kR)
    product_block<kR, kV>(Rows<const T>{x.at(r, 0), x.step}, in, w, b, Rows<T>{y.at(r, 0), y.step});
  if constexpr (kR > 1) {
    if (r < count)
      product_rows<kR / 2, kV>(Rows<const T>{x.at(r, 0), x.step}, count - r, in, w, b, Rows<T>{y.at(r, 0), y.step});
  }
}

/// y = x w + b: x [count, in], w [in, columns], columns whole vectors. b null: none.
template <class T>
void product(Rows<const T> x, size_t count, size_t in, Rows<const T> w, const T* b, size_t columns, Rows<T> y) {
  const size_t lanes = hn::Lanes(hn::ScalableTag<T>());
  size_t c = 0;
  for (; c + 2 * lanes <= columns; c += 2 * lanes)
    product_rows<kRows, 2>(x, count, in, Rows<const T>{w.data + c, w.step}, b == nullptr ? b : b + c,
                           Rows<T>{y.data + c, y.step});
  for (; c < columns; c += lanes)
    product_rows<kRows, 1>(x, count, in, Rows<const T>{w.data + c, w.step}, b == nullptr ? b : b + c,
                           Rows<T>{y.data + c, y.step});
}

/// to(o, i) = sum_r e(r, o) x(r, i) for kO columns of e and kV vectors of columns of x, of which `columns` are kept.
template <size_t kO, size_t kV, class T>
HWY_INLINE void outer_block(Rows<const T> e, Rows<const T> x, size_t count, size_t columns, Rows<T> to) {
  const hn::ScalableTag<T> d;
  const size_t lanes = hn::Lanes(d);
  hn::Vec<decltype(d)> sum[kO][kV];
  unrolled<kO>([&](auto o) NFOPT_LAMBDA { unrolled<kV>([&](auto v) NFOPT_LAMBDA { sum[o][v] = hn::Zero(d); }); });
  for (size_t r = 0; r < count; ++r) {
    hn::Vec<decltype(d)> row[kV];
    unrolled<kV>([&](auto v) NFOPT_LAMBDA { row[v] = hn::LoadU(d, x.at(r, v * lanes)); });
    unrolled<kO>([&](auto o) NFOPT_LAMBDA {
      const auto element = hn::Set(d, *e.at(r, o));
      unrolled<kV>([&](auto v) NFOPT_LAMBDA { sum[o][v] = hn::MulAdd(element, row[v], sum[o][v]); });
    });
  }
  unrolled<kO>([&](auto o) NFOPT_LAMBDA {
    unrolled<kV>([&](auto v) NFOPT_LAMBDA {
      const size_t begin = v * lanes;
      if (begin < columns) store_leading(d, sum[o][v], std::min(lanes, columns - begin), to.at(o, begin));
    });
  });
}

template <size_t kO, size_t kV, class T>
HWY_INLINE void outer_rows(Rows<const T> e, size_t outs, Rows<const T> x, size_t count, size_t columns, Rows<T> to) {
  size_t o = 0;
  for (; o + kO <= outs; o += kO)
    outer_block<kO, kV>(Rows<const T>{e.data + o, e.step}, x, count, columns, Rows<T>{to.at(o, 0), to.step});
  if constexpr (kO > 1) {
    if (o < outs)
      outer_rows<kO / 2, kV>(Rows<const T>{e.data + o, e.step}, outs - o, x, count, columns,
                             Rows<T>{to.at(o, 0), to.step});
  }
}

/// to = transpose(e) x: e [count, outs], x [count, columns], read up to whole vectors; to [outs, columns].
template <class T>
void outer(Rows<const T> e, size_t outs, Rows<const T> x, size_t count, size_t columns, Rows<T> to) {
  const size_t lanes = hn::Lanes(hn::ScalableTag<T>());
  size_t i = 0;
  for (; i + lanes < columns; i += 2 * lanes)
    outer_rows<kRows, 2>(e, outs, Rows<const T>{x.data + i, x.step}, count, columns - i, Rows<T>{to.data + i, to.step});
  if (i < columns)
    outer_rows<kRows, 1>(e, outs, Rows<const T>{x.data + i, x.step}, count, columns - i, Rows<T>{to.data + i, to.step});
}

}  // namespace nfopt::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per instruction set
