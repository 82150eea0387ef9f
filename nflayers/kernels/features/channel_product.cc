#include <nfopt/nflayers/kernels/cpu/instruction_sets.h>
#include <nfopt/nflayers/kernels/features/channel_product.h>

#include <algorithm>
#include <cstddef>

// This file once per instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "nfopt/nflayers/kernels/features/channel_product.cc"
// clang-format off
#include <hwy/foreach_target.h>  // before all that is compiled once per instruction set
#include <hwy/highway.h>
#include <nfopt/nflayers/kernels/cpu/leading_lanes-inl.h>
#include <nfopt/nflayers/kernels/cpu/unrolled-inl.h>
// clang-format on

#ifndef NFOPT_CHANNEL_PRODUCT_CONSTANTS
#define NFOPT_CHANNEL_PRODUCT_CONSTANTS
namespace nfopt::cpu {
constexpr int64_t kPackedOutputs = 8;  // outputs that stand together in a packed matrix
}
#endif

HWY_BEFORE_NAMESPACE();
namespace nfopt::cpu::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// Accumulators of a block must fit the registers next to what they are computed from.
#if HWY_TARGET <= HWY_AVX3 || HWY_ARCH_ARM_A64
constexpr size_t kBlockOutputs = 8;
#else
constexpr size_t kBlockOutputs = 4;
#endif
constexpr size_t kBlockVectors = 3;

/// Outputs [first, first + count) of kV vectors of positions; `last` positions of the last vector exist.
/// x [inputs][kV vectors], w [inputs][kPackedOutputs].
template <size_t kV, class D, class T = hn::TFromD<D>>
HWY_INLINE void product_block(D d, size_t last, const ChannelProduct<T>& p, const T* HWY_RESTRICT w,
                              const T* HWY_RESTRICT x, int64_t first, size_t count, int64_t i, int64_t j) {
  using V = hn::Vec<D>;
  const size_t lanes = hn::Lanes(d);
  V sum[kBlockOutputs][kV];
  unrolled<kBlockOutputs>([&](auto o) NFOPT_LAMBDA {
    const int64_t out = first + static_cast<int64_t>(std::min<size_t>(o, count - 1));
    const V row = p.along_columns == nullptr
                      ? hn::Zero(d)
                      : hn::Set(d, p.along_columns[out * p.along_columns_channel + i * p.along_columns_row]);
    unrolled<kV>([&](auto v) NFOPT_LAMBDA {
      sum[o][v] = row;
      if (p.along_rows != nullptr) {
        const T* from = p.along_rows + out * p.along_rows_channel + j + v * lanes;
        sum[o][v] = hn::Add(row, load_leading(d, from, v + 1 == kV ? last : lanes));
      }
    });
  });
  for (int64_t k = 0; k < p.inputs; ++k) {
    V element[kV];
    unrolled<kV>([&](auto v) NFOPT_LAMBDA { element[v] = hn::Load(d, x + (k * kV + v) * lanes); });
    unrolled<kBlockOutputs>([&](auto o) NFOPT_LAMBDA {
      const V weight = hn::Set(d, w[k * kPackedOutputs + o]);
      unrolled<kV>([&](auto v) NFOPT_LAMBDA { sum[o][v] = hn::MulAdd(weight, element[v], sum[o][v]); });
    });
  }
  unrolled<kBlockOutputs>([&](auto o) NFOPT_LAMBDA {
    if (o >= count) return;
    T* to = p.y + (first + static_cast<int64_t>(o)) * p.y_channel + i * p.y_row + j;
    unrolled<kV>([&](auto v) NFOPT_LAMBDA {
      T* at = to + v * lanes;
      const size_t there = v + 1 == kV ? last : lanes;
      store_leading(d, p.accumulate ? hn::Add(sum[o][v], load_leading(d, at, there)) : sum[o][v], there, at);
    });
  });
}

// Channels lie far apart: no processor guesses by itself that the next tile continues all of them.
constexpr int kForReading = 0, kForWriting = 1;
template <int kAccess, class T>
HWY_INLINE void ahead(const T* of) {
  __builtin_prefetch(of, kAccess, 2);
}

/// All outputs of kV vectors of positions. The tile of x is copied once: its channels may lie whole pages apart, which
/// the first cache cannot hold side by side.
template <size_t kV, class T>
HWY_INLINE void product_tile(const ChannelProduct<T>& p, const T* packed, int64_t i, int64_t j, size_t width) {
  const hn::ScalableTag<T> d;
  const size_t lanes = hn::Lanes(d);
  const size_t in_last = width - (kV - 1) * lanes;
  HWY_ALIGN T tile[kMostProductInputs * kBlockVectors * HWY_LANES(T)];
  const T* from = p.x + i * p.x_row + j;
  for (int64_t k = 0; k < p.inputs; ++k, from += p.x_channel)
    unrolled<kV>([&](auto v) NFOPT_LAMBDA {
      ahead<kForReading>(from + (kV + v) * lanes);
      hn::Store(load_leading(d, from + v * lanes, v + 1 == kV ? in_last : lanes), d, tile + (k * kV + v) * lanes);
    });
  for (int64_t o = 0; o < p.outputs; ++o)
    unrolled<kV>([&](auto v)
                     NFOPT_LAMBDA { ahead<kForWriting>(p.y + o * p.y_channel + i * p.y_row + j + (kV + v) * lanes); });
  for (int64_t o = 0; o < p.outputs; o += kBlockOutputs) {
    const T* w = packed + o / kPackedOutputs * kPackedOutputs * p.inputs + o % kPackedOutputs;
    product_block<kV>(d, in_last, p, w, tile, o, static_cast<size_t>(std::min<int64_t>(kBlockOutputs, p.outputs - o)),
                      i, j);
  }
}

template <class T>
HWY_INLINE void product_rows(const ChannelProduct<T>& p, const T* packed, int64_t first, int64_t last) {
  const int64_t lanes = static_cast<int64_t>(HWY_LANES(T));
  const int64_t vectors = (p.columns + lanes - 1) / lanes;
  for (int64_t i = first; i < last; ++i) {
    for (int64_t v = 0; v < vectors;) {
      // 4 left: 2 and 2, as one vector alone is slower
      const int64_t left = vectors - v, take = left == 4 ? 2 : std::min<int64_t>(left, kBlockVectors);
      const int64_t j = v * lanes;
      const auto width = static_cast<size_t>(std::min(take * lanes, p.columns - j));
      if (take == 3)
        product_tile<3>(p, packed, i, j, width);
      else if (take == 2)
        product_tile<2>(p, packed, i, j, width);
      else
        product_tile<1>(p, packed, i, j, width);
      v += take;
    }
  }
}

/// kR rows at once: of_columns is read and written once for all of them.
template <size_t kR, class T>
HWY_INLINE void sum_block(const T* HWY_RESTRICT x, int64_t columns, int64_t row_stride, bool first,
                          T* HWY_RESTRICT of_rows, T* HWY_RESTRICT of_columns) {
  const hn::ScalableTag<T> d;
  using V = hn::Vec<decltype(d)>;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  V row[kR];
  unrolled<kR>([&](auto r) NFOPT_LAMBDA { row[r] = hn::Zero(d); });
  int64_t j = 0;
  const auto add = [&](auto load, V column) HWY_ATTR {
    unrolled<kR>([&](auto r) NFOPT_LAMBDA {
      const V value = load(x + r * row_stride + j);
      row[r] = hn::Add(row[r], value);
      column = hn::Add(column, value);
    });
    return column;
  };
  for (; j + lanes <= columns; j += lanes)
    hn::StoreU(
        add([&](const T* at) HWY_ATTR { return hn::LoadU(d, at); }, first ? hn::Zero(d) : hn::LoadU(d, of_columns + j)),
        d, of_columns + j);
  if (j < columns) {
    const auto left = static_cast<size_t>(columns - j);
    store_leading(d,
                  add([&](const T* at) HWY_ATTR { return load_leading(d, at, left); },
                      first ? hn::Zero(d) : load_leading(d, of_columns + j, left)),
                  left, of_columns + j);
  }
  unrolled<kR>([&](auto r) NFOPT_LAMBDA { of_rows[r] = hn::GetLane(hn::SumOfLanes(d, row[r])); });
}

template <class T>
HWY_INLINE void both_sums(const T* x, int64_t rows, int64_t columns, int64_t row_stride, T* of_rows, T* of_columns) {
  int64_t i = 0;
  for (; i + 4 <= rows; i += 4) sum_block<4>(x + i * row_stride, columns, row_stride, i == 0, of_rows + i, of_columns);
  for (; i < rows; ++i) sum_block<1>(x + i * row_stride, columns, row_stride, i == 0, of_rows + i, of_columns);
}

/// Squares of four by four, loaded along one axis and stored along the other.
HWY_INLINE void transposed(const float* HWY_RESTRICT from, int64_t from_stride, int64_t rows, int64_t columns,
                           float scale, float* HWY_RESTRICT to, int64_t to_stride) {
  int64_t i = 0;
#if HWY_TARGET != HWY_SCALAR
  const hn::FixedTag<float, 4> d;
  const auto factor = hn::Set(d, scale);
  for (; i + 4 <= rows; i += 4) {
    int64_t j = 0;
    for (; j + 4 <= columns; j += 4) {
      const auto at = [&](int64_t k) HWY_ATTR { return hn::LoadU(d, from + i + (j + k) * from_stride); };
      const auto put = [&](int64_t k, auto v)
                           HWY_ATTR { hn::StoreU(hn::Mul(factor, v), d, to + (i + k) * to_stride + j); };
      const auto r0 = at(0), r1 = at(1), r2 = at(2), r3 = at(3);
      const auto low = hn::InterleaveLower(d, r0, r1), high = hn::InterleaveUpper(d, r0, r1);
      const auto low2 = hn::InterleaveLower(d, r2, r3), high2 = hn::InterleaveUpper(d, r2, r3);
      put(0, hn::ConcatLowerLower(d, low2, low));
      put(1, hn::ConcatUpperUpper(d, low2, low));
      put(2, hn::ConcatLowerLower(d, high2, high));
      put(3, hn::ConcatUpperUpper(d, high2, high));
    }
    for (; j < columns; ++j)
      for (int64_t k = i; k < i + 4; ++k) to[k * to_stride + j] = scale * from[k + j * from_stride];
  }
#endif
  for (; i < rows; ++i)
    for (int64_t j = 0; j < columns; ++j) to[i * to_stride + j] = scale * from[i + j * from_stride];
}

void transposed_float(const float* from, int64_t from_stride, int64_t rows, int64_t columns, float scale, float* to,
                      int64_t to_stride) {
  transposed(from, from_stride, rows, columns, scale, to, to_stride);
}
void product_float(const ChannelProduct<float>& p, const float* m, int64_t a, int64_t b) { product_rows(p, m, a, b); }
void product_double(const ChannelProduct<double>& p, const double* m, int64_t a, int64_t b) {
  product_rows(p, m, a, b);
}
void sums_float(const float* x, int64_t rows, int64_t columns, int64_t stride, float* r, float* c) {
  both_sums(x, rows, columns, stride, r, c);
}
void sums_double(const double* x, int64_t rows, int64_t columns, int64_t stride, double* r, double* c) {
  both_sums(x, rows, columns, stride, r, c);
}

}  // namespace nfopt::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace nfopt::cpu {

HWY_EXPORT(product_float);
HWY_EXPORT(product_double);
HWY_EXPORT(transposed_float);
HWY_EXPORT(sums_float);
HWY_EXPORT(sums_double);

int64_t packed_size(int64_t outputs, int64_t inputs) {
  return (outputs + kPackedOutputs - 1) / kPackedOutputs * kPackedOutputs * inputs;
}

template <class T>
void pack(const T* m, int64_t outputs, int64_t inputs, int64_t row, int64_t column, double scale, T* packed) {
  const T factor = static_cast<T>(scale);
  for (int64_t first = 0; first < outputs; first += kPackedOutputs)
    for (int64_t k = 0; k < inputs; ++k)
      for (int64_t o = first; o < first + kPackedOutputs; ++o)
        *packed++ = o < outputs ? factor * m[o * row + k * column] : T{0};
}
template void pack(const float*, int64_t, int64_t, int64_t, int64_t, double, float*);
template void pack(const double*, int64_t, int64_t, int64_t, int64_t, double, double*);

template <>
void multiply_rows(const ChannelProduct<float>& p, const float* packed, int64_t first, int64_t last) {
  HWY_DYNAMIC_DISPATCH(product_float)(p, packed, first, last);
}
template <>
void multiply_rows(const ChannelProduct<double>& p, const double* packed, int64_t first, int64_t last) {
  HWY_DYNAMIC_DISPATCH(product_double)(p, packed, first, last);
}
void copy_transposed(const float* from, int64_t from_stride, int64_t rows, int64_t columns, float scale, float* to,
                     int64_t to_stride) {
  HWY_DYNAMIC_DISPATCH(transposed_float)(from, from_stride, rows, columns, scale, to, to_stride);
}
template <>
void sum_both(const float* x, int64_t rows, int64_t columns, int64_t row_stride, float* of_rows, float* of_columns) {
  HWY_DYNAMIC_DISPATCH(sums_float)(x, rows, columns, row_stride, of_rows, of_columns);
}
template <>
void sum_both(const double* x, int64_t rows, int64_t columns, int64_t row_stride, double* of_rows, double* of_columns) {
  HWY_DYNAMIC_DISPATCH(sums_double)(x, rows, columns, row_stride, of_rows, of_columns);
}

}  // namespace nfopt::cpu
#endif
