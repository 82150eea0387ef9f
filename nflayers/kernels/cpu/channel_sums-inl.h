// Sums of hidden channels: over the channels of an element (dot products) and over elements.
#if defined(NFOPT_NFLAYERS_KERNELS_CPU_CHANNEL_SUMS_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef NFOPT_NFLAYERS_KERNELS_CPU_CHANNEL_SUMS_INL_H
#undef NFOPT_NFLAYERS_KERNELS_CPU_CHANNEL_SUMS_INL_H
#else
#define NFOPT_NFLAYERS_KERNELS_CPU_CHANNEL_SUMS_INL_H
#endif

#include <hwy/highway.h>
#include <nfopt/nflayers/kernels/cpu/leading_lanes-inl.h>
#include <nfopt/nflayers/kernels/cpu/unrolled-inl.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>

HWY_BEFORE_NAMESPACE();
namespace nfopt::cpu::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

/// Sums of neighbouring lanes, those of a before those of b.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V add_pairs([[maybe_unused]] D d, V a, [[maybe_unused]] V b) {
#if HWY_TARGET == HWY_SCALAR
  return a;
#else
  return hn::Add(hn::ConcatEven(d, b, a), hn::ConcatOdd(d, b, a));
#endif
}

/// The sums of the lanes of n vectors as one vector, n the number of lanes; with fewer vectors several parts of each.
template <size_t n, class D, class V = hn::Vec<D>>
HWY_INLINE V lane_sums(D d, const V (&v)[n]) {
  if constexpr (n == 1) {
    return v[0];
  } else {
    V half[n / 2];
    unrolled<n / 2>([&](auto i) NFOPT_LAMBDA { half[i] = add_pairs(d, v[2 * i], v[2 * i + 1]); });
    return lane_sums(d, half);
  }
}

// Hidden channels are summed where they are made, in registers, if those of an element fill two vectors: 32 numbers of
// 512 bits.
template <class T>
constexpr bool kSumsInRegisters = HWY_TARGET <= HWY_AVX3&& HWY_LANES(T) == 16;
constexpr size_t kSummed = 8;  ///< elements of a block

#if HWY_TARGET != HWY_SCALAR  // which has no lanes to shuffle
/// The dot products of a block with q, two parts of each, in four groups of lanes: elements 0-3, 4-7, 0-3, 4-7. Only
/// shuffles within 128 bits: those that cross them need a register of indices each, and a copy of it.
template <class D, class T = hn::TFromD<D>, class V = hn::Vec<D>>
HWY_INLINE V dot_block(D d, const T* HWY_RESTRICT q, const V (&h)[kSummed][2]) {
  const hn::Repartition<double, D> pairs;
  const V q0 = hn::Load(d, q), q1 = hn::Load(d, q + HWY_LANES(T));
  V sum[kSummed], two[4], four[2];
  unrolled<kSummed>([&](auto e) NFOPT_LAMBDA { sum[e] = hn::MulAdd(q1, h[e][1], hn::Mul(q0, h[e][0])); });
  unrolled<4>([&](auto i) NFOPT_LAMBDA {
    const V a = sum[2 * i], b = sum[2 * i + 1];
    two[i] = hn::Add(hn::InterleaveLower(d, a, b), hn::InterleaveUpper(d, a, b));
  });
  unrolled<2>([&](auto i) NFOPT_LAMBDA {
    const auto a = hn::BitCast(pairs, two[2 * i]), b = hn::BitCast(pairs, two[2 * i + 1]);
    four[i] =
        hn::Add(hn::BitCast(d, hn::InterleaveLower(pairs, a, b)), hn::BitCast(d, hn::InterleaveUpper(pairs, a, b)));
  });
  return hn::Add(hn::OddEvenBlocks(four[1], four[0]), hn::SwapAdjacentBlocks(hn::OddEvenBlocks(four[0], four[1])));
}
/// The dot products of two blocks, one after the other.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V join_dots(D d, V a, V b) {
  return hn::Add(hn::ConcatLowerLower(d, b, a), hn::ConcatUpperUpper(d, b, a));
}
#endif

/// The sum over the elements of a block, added to one row.
template <size_t kE, class D, class T = hn::TFromD<D>, class V = hn::Vec<D>>
HWY_INLINE void add_block_sum(D d, const V (&h)[kE][2], T* HWY_RESTRICT to) {
  unrolled<2>([&](auto v) NFOPT_LAMBDA {
    V part[kE / 2];
    unrolled<kE / 2>([&](auto e) NFOPT_LAMBDA { part[e] = hn::Add(h[e][v], h[e + kE / 2][v]); });
    for (size_t n = kE / 4; n > 0; n /= 2)
      for (size_t e = 0; e < n; ++e) part[e] = hn::Add(part[e], part[e + n]);
    hn::Store(hn::Add(hn::Load(d, to + v * HWY_LANES(T)), part[0]), d, to + v * HWY_LANES(T));
  });
}
/// Every element of a block, added to a row of its own.
template <size_t kE, class D, class T = hn::TFromD<D>, class V = hn::Vec<D>>
HWY_INLINE void add_block(D d, const V (&h)[kE][2], T* HWY_RESTRICT to) {
  unrolled<kE>([&](auto e) NFOPT_LAMBDA {
    unrolled<2>([&](auto v) NFOPT_LAMBDA {
      T* at = to + (2 * e + v) * HWY_LANES(T);
      hn::Store(hn::Add(hn::Load(d, at), h[e][v]), d, at);
    });
  });
}
template <size_t kE, class D, class T = hn::TFromD<D>, class V = hn::Vec<D>>
HWY_INLINE void store_block(D d, const V (&h)[kE][2], T* HWY_RESTRICT to) {
  unrolled<kE>([&](auto e) NFOPT_LAMBDA {
    unrolled<2>([&](auto v) NFOPT_LAMBDA { hn::Store(h[e][v], d, to + (2 * e + v) * HWY_LANES(T)); });
  });
}

/// to[e] = q . h[e] for `count` elements; h is read up to a whole vector of elements.
template <class T>
void dot_each(const T* HWY_RESTRICT q, const T* HWY_RESTRICT h, size_t channels, size_t count, T* HWY_RESTRICT to) {
  const hn::ScalableTag<T> d;
  using V = hn::Vec<decltype(d)>;
  constexpr size_t kLanes = HWY_LANES(T);
  for (size_t e = 0; e < count; e += kLanes) {
    V sum[kLanes];
    unrolled<kLanes>([&](auto i) NFOPT_LAMBDA {
      const T* row = h + (e + i) * channels;
      V s = hn::Mul(hn::Load(d, q), hn::Load(d, row));
      for (size_t c = kLanes; c < channels; c += kLanes) s = hn::MulAdd(hn::Load(d, q + c), hn::Load(d, row + c), s);
      sum[i] = s;
    });
    store_leading(d, lane_sums(d, sum), std::min(kLanes, count - e), to + e);
  }
}

/// to += sum over `count` rows.
template <class T>
void add_row_sum(const T* HWY_RESTRICT rows, int64_t count, size_t channels, T* HWY_RESTRICT to) {
  const hn::ScalableTag<T> d;
  const size_t lanes = hn::Lanes(d);
  for (size_t c = 0; c < channels; c += lanes) {
    auto s0 = hn::Load(d, to + c), s1 = hn::Zero(d), s2 = hn::Zero(d), s3 = hn::Zero(d);
    const T* row = rows + c;
    int64_t e = 0;
    for (; e + 4 <= count; e += 4, row += 4 * channels) {
      s0 = hn::Add(s0, hn::Load(d, row));
      s1 = hn::Add(s1, hn::Load(d, row + channels));
      s2 = hn::Add(s2, hn::Load(d, row + 2 * channels));
      s3 = hn::Add(s3, hn::Load(d, row + 3 * channels));
    }
    for (; e < count; ++e, row += channels) s0 = hn::Add(s0, hn::Load(d, row));
    hn::Store(hn::Add(hn::Add(s0, s1), hn::Add(s2, s3)), d, to + c);
  }
}

}  // namespace nfopt::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per instruction set
