// The products of pass 2, as register blocks: pointwise hidden layers, and projections of their channels.
#if defined(NFOPT_NFLAYERS_KERNELS_CPU_DENSE_LAYERS_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef NFOPT_NFLAYERS_KERNELS_CPU_DENSE_LAYERS_INL_H
#undef NFOPT_NFLAYERS_KERNELS_CPU_DENSE_LAYERS_INL_H
#else
#define NFOPT_NFLAYERS_KERNELS_CPU_DENSE_LAYERS_INL_H
#endif

#include <hwy/highway.h>
#include <nfopt/nflayers/kernels/cpu/step_kernels.h>
#include <nfopt/nflayers/kernels/cpu/unrolled-inl.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>

HWY_BEFORE_NAMESPACE();
namespace nfopt::cpu::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// Accumulators of a block must fit the registers next to what they are computed from.
#if HWY_TARGET <= HWY_AVX3 || HWY_ARCH_ARM_A64
constexpr size_t kOutputs = 8;  // outputs times 3 vectors of elements
template <class T>
constexpr size_t kElements = std::min<size_t>(12, 3 * HWY_LANES(T));  // elements times 2 vectors of outputs
#else
constexpr size_t kOutputs = 4;
template <class T>
constexpr size_t kElements = std::min<size_t>(6, 3 * HWY_LANES(T));
#endif
constexpr size_t kVectors = 3;
constexpr size_t kWeightBlock = 8;
template <class T>
constexpr size_t kGroup = kVectors* HWY_LANES(T);  // elements of a block of outputs

/// Inputs of a layer that are not 0 in all elements of a group, ascending.
struct LiveInputs {
  const uint32_t* index;
  size_t count;
  size_t operator[](size_t i) const { return index[i]; }
};

/// All of `count` inputs.
struct AllInputs {
  size_t count;
  size_t operator[](size_t i) const { return i; }
};

/// The live inputs of every group of a tile. ReLU leaves a tenth to a quarter of all groups 0.
template <class T>
struct LiveLists {
  static_assert(kTile % kGroup<T> == 0 && kGroup<T> % kElements<T> == 0);
  static constexpr size_t kGroups = kTile / kGroup<T>;

  uint32_t* indices;  ///< [kGroups][width]
  int64_t width;
  size_t counts[kGroups];

  uint32_t* list(size_t group) const { return indices + group * width; }
  LiveInputs of(size_t element) const { return {list(element / kGroup<T>), counts[element / kGroup<T>]}; }
  /// Lists all of `inputs` in every group.
  void keep_all(int64_t inputs) {
    for (size_t group = 0; group < kGroups; ++group) {
      std::iota(list(group), list(group) + inputs, 0);
      counts[group] = inputs;
    }
  }
};

/// max(0, w x + b) for kOutputs outputs, the first of them `out`, of a group of elements. x [in][kTile], w [in][8],
/// y [kOutputs][kTile]. Appends the outputs that are not 0 in all of the elements to `live`, which holds `kept`; returns
/// how many it holds then.
template <class D, class T = hn::TFromD<D>>
HWY_INLINE size_t dense_block(D d, const T* HWY_RESTRICT w, const T* HWY_RESTRICT b, LiveInputs in,
                              const T* HWY_RESTRICT x, T* HWY_RESTRICT y, size_t out, uint32_t* live, size_t kept) {
  using V = hn::Vec<D>;
  const hn::RebindToUnsigned<D> bits;
  const size_t lanes = hn::Lanes(d);
  V sum[kOutputs][kVectors];
  unrolled<kOutputs>(
      [&](auto o) NFOPT_LAMBDA { unrolled<kVectors>([&](auto v) NFOPT_LAMBDA { sum[o][v] = hn::Set(d, b[o]); }); });
  for (size_t k = 0; k < in.count; ++k) {
    const T* column = x + in[k] * kTile;
    const T* weights = w + in[k] * kWeightBlock;
    V element[kVectors];
    unrolled<kVectors>([&](auto v) NFOPT_LAMBDA { element[v] = hn::Load(d, column + v * lanes); });
    unrolled<kOutputs>([&](auto o) NFOPT_LAMBDA {
      const V weight = hn::Set(d, weights[o]);
      unrolled<kVectors>([&](auto v) NFOPT_LAMBDA { sum[o][v] = hn::MulAdd(weight, element[v], sum[o][v]); });
    });
  }
  unrolled<kOutputs>([&](auto o) NFOPT_LAMBDA {
    unrolled<kVectors>([&](auto v) NFOPT_LAMBDA {
      sum[o][v] = hn::Max(hn::Zero(d), sum[o][v]);
      hn::Store(sum[o][v], d, y + o * kTile + v * lanes);
    });
    static_assert(kVectors == 3);
    const V any = hn::Or3(sum[o][0], sum[o][1], sum[o][2]);
    live[kept] = static_cast<uint32_t>(out + o);  // without a branch, which nothing could predict
    // As integers: numbers joined by Or may read as NaN, for which no ordered comparison holds.
    kept += !hn::AllFalse(bits, hn::Ne(hn::BitCast(bits, any), hn::Zero(bits)));
  });
  return kept;
}

/// A hidden layer, elements along the vectors. x [in][kTile] -> y [out][kTile], for the groups of `count` elements.
template <class T>
void dense(const T* w, const T* b, const BodyLayer& layer, const LiveLists<T>& inputs, const T* x, size_t count, T* y,
           LiveLists<T>& outputs) {
  static_assert(kWeightBlock % kOutputs == 0);
  const hn::ScalableTag<T> d;
  for (size_t group = 0; group * kGroup<T> < count; ++group) {
    const size_t first = group * kGroup<T>;
    size_t kept = 0;
    for (size_t out = 0; out < static_cast<size_t>(layer.out); out += kOutputs)
      kept = dense_block(d, w + out / kWeightBlock * kWeightBlock * layer.in + out % kWeightBlock, b + out,
                         inputs.of(first), x + first, y + out * kTile + first, out, outputs.list(group), kept);
    outputs.counts[group] = kept;
  }
}

/// A product with outputs along the vectors: y(e, o) = sum_i x(e, i) w(i, o), for kE elements and kV vectors of o. With
/// kHidden max(0, b + ..). kParts: parts of the sum that run side by side where kE is too small to hide the latency.
template <size_t kE, size_t kV, size_t kParts, bool kHidden, class D, class Inputs, class T = hn::TFromD<D>,
          class V = hn::Vec<D>>
HWY_INLINE void across_sums(D d, const T* HWY_RESTRICT w, size_t w_step, const T* HWY_RESTRICT b, Inputs in,
                            const T* HWY_RESTRICT x, size_t x_input, size_t x_element, V (&y)[kE][kV]) {
  const size_t lanes = hn::Lanes(d), part = in.count / kParts;
  V sum[kParts][kE][kV];
  unrolled<kV>([&](auto v) NFOPT_LAMBDA {
    unrolled<kE>([&](auto e) NFOPT_LAMBDA {
      unrolled<kParts>([&](auto p) NFOPT_LAMBDA { sum[p][e][v] = hn::Zero(d); });
      if constexpr (kHidden) sum[0][e][v] = hn::Load(d, b + v * lanes);
    });
  });
  for (size_t i = 0; i < part; ++i) {
    unrolled<kParts>([&](auto p) NFOPT_LAMBDA {
      const size_t at = in[i + p * part];
      V weight[kV];
      unrolled<kV>([&](auto v) NFOPT_LAMBDA { weight[v] = hn::Load(d, w + at * w_step + v * lanes); });
      unrolled<kE>([&](auto e) NFOPT_LAMBDA {
        const V element = hn::Set(d, x[at * x_input + e * x_element]);
        unrolled<kV>([&](auto v) NFOPT_LAMBDA { sum[p][e][v] = hn::MulAdd(weight[v], element, sum[p][e][v]); });
      });
    });
  }
  unrolled<kE>([&](auto e) NFOPT_LAMBDA {
    unrolled<kV>([&](auto v) NFOPT_LAMBDA {
      y[e][v] = sum[0][e][v];
      if constexpr (kParts == 2) y[e][v] = hn::Add(y[e][v], sum[1][e][v]);
      if constexpr (kHidden) y[e][v] = hn::Max(hn::Zero(d), y[e][v]);
    });
  });
}

/// The same, stored: y(e, :) is y_step numbers behind y(e - 1, :).
template <size_t kE, size_t kV, size_t kParts, bool kHidden, class D, class Inputs, class T = hn::TFromD<D>>
HWY_INLINE void across_block(D d, const T* HWY_RESTRICT w, size_t w_step, const T* HWY_RESTRICT b, Inputs in,
                             const T* HWY_RESTRICT x, size_t x_input, size_t x_element, T* HWY_RESTRICT y,
                             size_t y_step) {
  hn::Vec<D> block[kE][kV];
  across_sums<kE, kV, kParts, kHidden>(d, w, w_step, b, in, x, x_input, x_element, block);
  unrolled<kE>([&](auto e) NFOPT_LAMBDA {
    unrolled<kV>([&](auto v) NFOPT_LAMBDA { hn::Store(block[e][v], d, y + e * y_step + v * hn::Lanes(d)); });
  });
}

/// The last hidden layer, x [in][kTile] -> y [count rounded up to kElements][out]: channels side by side, as sums over
/// elements need them.
template <class T>
void dense_across(const T* w, const T* b, const BodyLayer& layer, const LiveLists<T>& inputs, const T* x, size_t count,
                  T* y) {
  const hn::ScalableTag<T> d;
  const size_t lanes = hn::Lanes(d), out = layer.out;
  for (size_t e = 0; e < count; e += kElements<T>) {
    const LiveInputs in = inputs.of(e);
    size_t o = 0;
    for (; o + 2 * lanes <= out; o += 2 * lanes)
      across_block<kElements<T>, 2, 1, true>(d, w + o, out, b + o, in, x + e, kTile, 1, y + e * out + o, out);
    for (; o < out; o += lanes)
      across_block<kElements<T>, 1, 1, true>(d, w + o, out, b + o, in, x + e, kTile, 1, y + e * out + o, out);
  }
}

template <size_t kE, class T>
void project_block(size_t count, const T* q, size_t in, size_t out, const T* x, T* y) {
  const hn::ScalableTag<T> d;
  const size_t lanes = hn::Lanes(d);
  if (count < kE) {
    if constexpr (kE > 1) project_block<kE - 1>(count, q, in, out, x, y);
    return;
  }
  size_t o = 0;
  for (; o + 2 * lanes <= out; o += 2 * lanes)
    across_block<kE, 2, 2, false>(d, q + o, out, q, AllInputs{in}, x, 1, in, y + o, out);
  for (; o < out; o += lanes) across_block<kE, 1, 2, false>(d, q + o, out, q, AllInputs{in}, x, 1, in, y + o, out);
}

/// y [count][out] = x [count][in] q [in][out]
template <class T>
void project(const T* q, size_t in, size_t out, const T* x, size_t count, T* y) {
  constexpr size_t kE = std::max<size_t>(1, kElements<T> / 2);
  for (size_t e = 0; e < count; e += kE)
    project_block<kE>(std::min(kE, count - e), q, in, out, x + e * in, y + e * out);
}

}  // namespace nfopt::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per instruction set
