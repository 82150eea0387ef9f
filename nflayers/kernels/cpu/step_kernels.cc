#include <nfopt/nflayers/kernels/cpu/instruction_sets.h>
#include <nfopt/nflayers/kernels/cpu/step_kernels.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <new>
#include <utility>

// This file once per instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "nfopt/nflayers/kernels/cpu/step_kernels.cc"
// clang-format off
#include <hwy/foreach_target.h>  // before all that is compiled once per instruction set
#include <hwy/highway.h>
#include <hwy/contrib/math/math-inl.h>
#include <nfopt/nflayers/kernels/cpu/unrolled-inl.h>
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace nfopt::cpu::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// Accumulators of a block must fit the registers next to what they are computed from.
#if HWY_TARGET <= HWY_AVX3 || HWY_ARCH_ARM_A64
constexpr size_t kOutputs = 8;    // outputs times 3 vectors of elements
constexpr size_t kElements = 12;  // elements times 2 vectors of outputs
#else
constexpr size_t kOutputs = 4;
constexpr size_t kElements = 6;
#endif
constexpr size_t kVectors = 3;
constexpr size_t kWeightBlock = 8;
static_assert(kTile % kElements == 0 && kWeightBlock % kOutputs == 0);

/// max(0, w x + b) for kOutputs outputs of kV vectors of elements. x [in][kTile], w [in][8], y [kOutputs][kTile].
template <size_t kV, class D, class T = hn::TFromD<D>>
HWY_INLINE void dense_block(D d, const T* HWY_RESTRICT w, const T* HWY_RESTRICT b, size_t in, const T* HWY_RESTRICT x,
                            T* HWY_RESTRICT y) {
  using V = hn::Vec<D>;
  const size_t lanes = hn::Lanes(d);
  V sum[kOutputs][kV];
  unrolled<kOutputs>([&](auto o)
                         NFOPT_LAMBDA { unrolled<kV>([&](auto v) NFOPT_LAMBDA { sum[o][v] = hn::Set(d, b[o]); }); });
  for (size_t i = 0; i < in; ++i) {
    V element[kV];
    unrolled<kV>([&](auto v) NFOPT_LAMBDA { element[v] = hn::Load(d, x + i * kTile + v * lanes); });
    unrolled<kOutputs>([&](auto o) NFOPT_LAMBDA {
      const V weight = hn::Set(d, w[i * kWeightBlock + o]);
      unrolled<kV>([&](auto v) NFOPT_LAMBDA { sum[o][v] = hn::MulAdd(weight, element[v], sum[o][v]); });
    });
  }
  unrolled<kOutputs>([&](auto o) NFOPT_LAMBDA {
    unrolled<kV>([&](auto v)
                     NFOPT_LAMBDA { hn::Store(hn::Max(hn::Zero(d), sum[o][v]), d, y + o * kTile + v * lanes); });
  });
}

/// A hidden layer, elements along the vectors. x [in][kTile] -> y [out][kTile], for `count` elements and those that
/// share a vector with them.
template <class T>
void dense(const T* w, const T* b, const BodyLayer& layer, const T* x, size_t count, T* y) {
  const hn::ScalableTag<T> d;
  const size_t lanes = hn::Lanes(d), in = layer.in, outs = layer.out;
  const auto block = [&](auto vectors, size_t first, size_t out) HWY_ATTR {
    dense_block<vectors>(d, w + out / kWeightBlock * kWeightBlock * in + out % kWeightBlock, b + out, in, x + first,
                         y + out * kTile + first);
  };
  size_t first = 0;
  for (; first + (kVectors - 1) * lanes < count; first += kVectors * lanes)
    for (size_t out = 0; out < outs; out += kOutputs) block(std::integral_constant<size_t, kVectors>(), first, out);
  for (; first < count; first += lanes)
    for (size_t out = 0; out < outs; out += kOutputs) block(std::integral_constant<size_t, 1>(), first, out);
}

/// A product with outputs along the vectors: y(e, o) = sum_i x(e, i) w(i, o), for kE elements and kV vectors of o. With
/// kHidden max(0, b + ..). kParts: parts of the sum that run side by side where kE is too small to hide the latency.
template <size_t kE, size_t kV, size_t kParts, bool kHidden, class D, class T = hn::TFromD<D>>
HWY_INLINE void across_block(D d, const T* HWY_RESTRICT w, size_t w_step, const T* HWY_RESTRICT b, size_t in,
                             const T* HWY_RESTRICT x, size_t x_input, size_t x_element, T* HWY_RESTRICT y,
                             size_t y_step) {
  using V = hn::Vec<D>;
  const size_t lanes = hn::Lanes(d), part = in / kParts;
  V sum[kParts][kE][kV];
  unrolled<kV>([&](auto v) NFOPT_LAMBDA {
    unrolled<kE>([&](auto e) NFOPT_LAMBDA {
      unrolled<kParts>([&](auto p) NFOPT_LAMBDA { sum[p][e][v] = hn::Zero(d); });
      if constexpr (kHidden) sum[0][e][v] = hn::Load(d, b + v * lanes);
    });
  });
  for (size_t i = 0; i < part; ++i) {
    unrolled<kParts>([&](auto p) NFOPT_LAMBDA {
      const size_t at = i + p * part;
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
      V value = sum[0][e][v];
      if constexpr (kParts == 2) value = hn::Add(value, sum[1][e][v]);
      if constexpr (kHidden) value = hn::Max(hn::Zero(d), value);
      hn::Store(value, d, y + e * y_step + v * lanes);
    });
  });
}

/// The last hidden layer, x [in][kTile] -> y [count rounded up to kElements][out]: channels side by side, as sums over
/// elements need them.
template <class T>
void dense_across(const T* w, const T* b, const BodyLayer& layer, const T* x, size_t count, T* y) {
  const hn::ScalableTag<T> d;
  const size_t lanes = hn::Lanes(d), out = layer.out;
  for (size_t e = 0; e < count; e += kElements) {
    size_t o = 0;
    for (; o + 2 * lanes <= out; o += 2 * lanes)
      across_block<kElements, 2, 1, true>(d, w + o, out, b + o, layer.in, x + e, kTile, 1, y + e * out + o, out);
    for (; o < out; o += lanes)
      across_block<kElements, 1, 1, true>(d, w + o, out, b + o, layer.in, x + e, kTile, 1, y + e * out + o, out);
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
    across_block<kE, 2, 2, false>(d, q + o, out, q, in, x, 1, in, y + o, out);
  for (; o < out; o += lanes) across_block<kE, 1, 2, false>(d, q + o, out, q, in, x, 1, in, y + o, out);
}

/// y [count][out] = x [count][in] q [in][out]
template <class T>
void project(const T* q, size_t in, size_t out, const T* x, size_t count, T* y) {
  constexpr size_t kE = kElements / 2;
  for (size_t e = 0; e < count; e += kE)
    project_block<kE>(std::min(kE, count - e), q, in, out, x + e * in, y + e * out);
}

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

template <class D, class T = hn::TFromD<D>>
HWY_INLINE void store_first(D d, hn::Vec<D> v, size_t count, T* HWY_RESTRICT to) {
  if (count == HWY_LANES(T)) return hn::StoreU(v, d, to);
  HWY_ALIGN T all[HWY_LANES(T)];
  hn::Store(v, d, all);
  std::copy(all, all + count, to);
}

// Hidden channels are summed where they are made, in registers, if those of an element fill two vectors: 32 numbers of
// 512 bits. Sums over the lanes of a block of elements, half as many as lanes, then fill a vector with two parts each.
template <class T>
constexpr bool kSumsInRegisters = HWY_TARGET <= HWY_AVX3&& HWY_LANES(T) == 16;
template <class T>
constexpr size_t kSummed = HWY_LANES(T) / 2;

/// h[e] = max(0, b + sum_i x(i, e) w(i, :)) for a block of elements. x [in][kTile], w [in][2 vectors].
template <size_t kE, class D, class T = hn::TFromD<D>, class V = hn::Vec<D>>
HWY_INLINE void last_block(D d, const T* HWY_RESTRICT w, const T* HWY_RESTRICT b, size_t in, const T* HWY_RESTRICT x,
                           V (&h)[kE][2]) {
  constexpr size_t kLanes = HWY_LANES(T);
  unrolled<kE>([&](auto e)
                   NFOPT_LAMBDA { unrolled<2>([&](auto v) NFOPT_LAMBDA { h[e][v] = hn::Load(d, b + v * kLanes); }); });
  for (size_t i = 0; i < in; ++i) {
    V weight[2];
    unrolled<2>([&](auto v) NFOPT_LAMBDA { weight[v] = hn::Load(d, w + (2 * i + v) * kLanes); });
    unrolled<kE>([&](auto e) NFOPT_LAMBDA {
      const V element = hn::Set(d, x[i * kTile + e]);
      unrolled<2>([&](auto v) NFOPT_LAMBDA { h[e][v] = hn::MulAdd(weight[v], element, h[e][v]); });
    });
  }
  unrolled<kE>(
      [&](auto e) NFOPT_LAMBDA { unrolled<2>([&](auto v) NFOPT_LAMBDA { h[e][v] = hn::Max(hn::Zero(d), h[e][v]); }); });
}

/// to[e] = q . h[e]: a vector with two parts of the sum of every element.
template <size_t kE, class D, class T = hn::TFromD<D>, class V = hn::Vec<D>>
HWY_INLINE void dot_block(D d, const T* HWY_RESTRICT q, const V (&h)[kE][2], T* HWY_RESTRICT to) {
  const V q0 = hn::Load(d, q), q1 = hn::Load(d, q + HWY_LANES(T));
  V sum[kE];
  unrolled<kE>([&](auto e) NFOPT_LAMBDA { sum[e] = hn::MulAdd(q1, h[e][1], hn::Mul(q0, h[e][0])); });
  hn::Store(lane_sums(d, sum), d, to);
}

/// Sum over the elements of a block, added to one row or, with a step, to one row each.
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
    store_first(d, lane_sums(d, sum), std::min(kLanes, count - e), to + e);
  }
}

template <class T>
void add(const T* HWY_RESTRICT from, size_t count, T* HWY_RESTRICT to) {
  const hn::ScalableTag<T> d;
  const size_t lanes = hn::Lanes(d);
  size_t i = 0;
  for (; i + lanes <= count; i += lanes) hn::StoreU(hn::Add(hn::LoadU(d, to + i), hn::LoadU(d, from + i)), d, to + i);
  for (; i < count; ++i) to[i] += from[i];
}

template <class T>
void add_strided(const T* from, int64_t stride, int64_t count, T* HWY_RESTRICT to) {
  if (stride == 1) return add(from, static_cast<size_t>(count), to);
  if (stride != 0) {
    for (int64_t i = 0; i < count; ++i) to[i] += from[i * stride];
    return;
  }
  const hn::ScalableTag<T> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto value = hn::Set(d, *from);
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes) hn::StoreU(hn::Add(hn::LoadU(d, to + i), value), d, to + i);
  for (; i < count; ++i) to[i] += *from;
}

template <class T>
void read_strided(const T* from, int64_t stride, int64_t count, T* HWY_RESTRICT to) {
  if (stride == 1) {
    std::copy(from, from + count, to);
    return;
  }
  for (int64_t i = 0; i < count; ++i) to[i] = from[i * stride];
}

template <class T>
void write_strided(const T* HWY_RESTRICT from, int64_t count, T* to, int64_t stride) {
  if (stride == 1) {
    std::copy(from, from + count, to);
    return;
  }
  for (int64_t i = 0; i < count; ++i) to[i * stride] = from[i];
}

template <class T>
void subtract_strided(const T* HWY_RESTRICT from, int64_t count, T* to, int64_t stride) {
  int64_t i = 0;
  if (stride == 1) {
    const hn::ScalableTag<T> d;
    const auto lanes = static_cast<int64_t>(hn::Lanes(d));
    for (; i + lanes <= count; i += lanes) hn::StoreU(hn::Sub(hn::LoadU(d, to + i), hn::LoadU(d, from + i)), d, to + i);
  }
  for (; i < count; ++i) to[i * stride] -= from[i];
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

/// Memory of one piece of work, which the next one on the same thread uses again: one at a time.
template <class T>
class Scratch {
 public:
  explicit Scratch(int64_t numbers) : next_(of_thread(numbers)) {}
  T* take(int64_t numbers) { return std::exchange(next_, next_ + numbers); }

 private:
  struct Block {
    ~Block() { ::operator delete(data, std::align_val_t(64)); }
    T* data = nullptr;
    int64_t size = 0;
  };
  static T* of_thread(int64_t numbers) {
    thread_local Block block;
    if (block.size < numbers) {
      block.size = 0;
      ::operator delete(std::exchange(block.data, nullptr), std::align_val_t(64));
      block.data = static_cast<T*>(::operator new(numbers * sizeof(T), std::align_val_t(64)));
      block.size = numbers;
      std::fill(block.data, block.data + numbers, T(0));
    }
    return block.data;
  }

  T* next_;
};

// ---- pass 1 -------------------------------------------------------------------------------------------------------

template <class T>
void accumulate_block(const StepShape& shape, const StepMember<T>& member, int64_t tensor, int64_t block,
                      double* squares) {
  const hn::ScalableTag<T> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const int64_t begin = block * kSquareBlock, count = std::min(kSquareBlock, shape.description.numels[tensor] - begin);
  const T* g = member.grads[tensor] + begin;
  const T clip = static_cast<T>(shape.description.clip);
  const auto high = hn::Set(d, clip), low = hn::Set(d, -clip);
  int64_t decay = 0;
  for (size_t c = 0; c < static_cast<size_t>(shape.channels()); ++c) {
    auto sum = hn::Zero(d);
    T rest = 0;
    int64_t i = 0;
    if (shape.description.channels[c] == Channel::momentum) {
      const int64_t at = decay * shape.total + shape.offsets[tensor] + begin;
      const T* from = member.old_momenta + at;
      T* to = member.momenta + at;
      const T fresh = static_cast<T>(1 - shape.description.decays[decay++]);
      const auto weight = hn::Set(d, fresh);
      for (; i + lanes <= count; i += lanes) {
        const auto m = hn::LoadU(d, from + i);
        const auto next = hn::MulAdd(weight, hn::Sub(hn::LoadU(d, g + i), m), m);
        hn::StoreU(next, d, to + i);
        const auto x = hn::Min(high, hn::Max(low, next));
        sum = hn::MulAdd(x, x, sum);
      }
      for (; i < count; ++i) {
        to[i] = from[i] + fresh * (g[i] - from[i]);
        const T x = std::min(clip, std::max(-clip, to[i]));
        rest += x * x;
      }
    } else {
      const T* from = shape.description.channels[c] == Channel::gradient ? g : member.params[tensor] + begin;
      for (; i + lanes <= count; i += lanes) {
        const auto x = hn::Min(high, hn::Max(low, hn::LoadU(d, from + i)));
        sum = hn::MulAdd(x, x, sum);
      }
      for (; i < count; ++i) {
        const T x = std::min(clip, std::max(-clip, from[i]));
        rest += x * x;
      }
    }
    squares[c] = static_cast<double>(hn::GetLane(hn::SumOfLanes(d, sum))) + static_cast<double>(rest);
  }
}

// ---- pass 2 -------------------------------------------------------------------------------------------------------

/// The channels of the elements [begin, begin + count) of a view, clipped and scaled, into x [channels][kTile].
template <class T>
void load_tile(const StepShape& shape, const StepMember<T>& member, const ElementLoops& loops, int64_t begin,
               int64_t count, T* x) {
  const hn::ScalableTag<T> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const int64_t tensor = loops.tensor;
  const auto high = hn::Set(d, static_cast<T>(shape.description.clip)),
             low = hn::Set(d, static_cast<T>(-shape.description.clip));
  int64_t decay = 0;
  for (size_t c = 0; c < static_cast<size_t>(shape.channels()); ++c) {
    const T* from = shape.description.channels[c] == Channel::parameter ? member.params[tensor]
                    : shape.description.channels[c] == Channel::gradient
                        ? member.grads[tensor]
                        : member.momenta + decay++ * shape.total + shape.offsets[tensor];
    from += loops.first;
    T* row = x + c * kTile;
    const auto scale = hn::Set(d, member.scales[tensor * shape.channels() + static_cast<int64_t>(c)]);
    const auto scaled = [&](auto value) NFOPT_LAMBDA { return hn::Mul(scale, hn::Min(high, hn::Max(low, value))); };
    if (loops.contiguous && count == kTile) {
      for (int64_t i = 0; i < kTile; i += lanes) hn::Store(scaled(hn::LoadU(d, from + begin + i)), d, row + i);
      continue;
    }
    if (loops.contiguous) {
      std::copy(from + begin, from + begin + count, row);
    } else {
      Run run;
      const int64_t stride = loops.strides.back();
      for (RunWalk walk(loops.sizes, begin, begin + count); walk.next(run);) {
        read_strided(from + walk.row(loops.strides, run), stride, run.length, row + (run.element - begin));
      }
    }
    std::fill(row + count, row + kTile, T(0));
    for (int64_t i = 0; i < kTile; i += lanes) hn::Store(scaled(hn::Load(d, row + i)), d, row + i);
  }
}

/// Where the hidden channels of a chunk are summed.
template <class T>
struct SumTarget {
  const LinearMap* map;
  T* rows;  // of row 0, which may lie before the chunk's own rows
  int64_t stride;
};

/// Adds the hidden channels of the elements [first, last) of a run, counted from its start, to every target. `rows` are
/// those of the run's start.
template <class T>
void add_run(const RunWalk& walk, const Run& run, const std::vector<SumTarget<T>>& targets, int64_t channels,
             const T* rows, int64_t first, int64_t last) {
  for (const SumTarget<T>& target : targets) {
    auto [from, to] = walk.part(*target.map, run);
    from = std::max(from, first);
    to = std::min(to, last);
    if (from >= to) continue;
    T* sum = target.rows + (walk.row(target.map->strides, run) + from * target.stride) * channels;
    const T* row = rows + from * channels;
    if (target.stride == 0) {
      add_row_sum(row, to - from, channels, sum);
    } else if (target.stride == 1) {
      add(row, (to - from) * channels, sum);
    } else {
      for (int64_t e = from; e < to; ++e, row += channels, sum += target.stride * channels) add(row, channels, sum);
    }
  }
}

/// The last hidden layer of a tile, its dot products and sums, block by block in registers. Blocks that lie in no single
/// run, or whose run a target takes in part, are stored in h and summed from there.
template <class T>
void sum_last_layer(const StepMember<T>& member, const MixView& view, const BodyLayer& last, const T* x, int64_t begin,
                    int64_t count, const std::vector<SumTarget<T>>& targets, T* h) {
  const hn::ScalableTag<T> d;
  constexpr int64_t kE = kSummed<T>, kLanes = 2 * kE, kChannels = 2 * kLanes;
  const T* w = member.weights_of(last);
  const T* b = member.bias_of(last);
  const T* q = member.packed_mixing + view.coefficients;
  HWY_ALIGN T dots[2][kTile / kE + 1][kLanes];
  int64_t made = 0;  // elements whose channels have been computed
  const auto make = [&](const auto& take) NFOPT_LAMBDA {
    hn::Vec<decltype(d)> block[kE][2];
    last_block(d, w, b, last.in, x + made, block);
    for (int64_t j = 0; j < view.scalars; ++j) dot_block(d, q + j * kChannels, block, dots[j][made / kE]);
    take(block);
    made += kE;
  };
  Run run;
  for (RunWalk walk(view.loops.sizes, begin, begin + count); walk.next(run);) {
    const int64_t start = run.element - begin, stop = start + run.length;
    T* const rows = h + start * kChannels;
    add_run<T>(walk, run, targets, kChannels, rows, 0, std::min(made, stop) - start);
    const bool whole = std::all_of(targets.begin(), targets.end(), [&](const SumTarget<T>& target) {
      return (target.stride == 0 || target.stride == 1) &&
             walk.part(*target.map, run) == std::pair{int64_t{0}, run.length};
    });
    for (; whole && made + kE <= stop;)
      make([&](const auto& block) NFOPT_LAMBDA {
        for (const SumTarget<T>& target : targets) {
          T* sum = target.rows + (walk.row(target.map->strides, run) + (made - start) * target.stride) * kChannels;
          if (target.stride == 0) {
            add_block_sum(d, block, sum);
          } else {
            add_block(d, block, sum);
          }
        }
      });
    const int64_t rest = std::max(made, start);
    while (made < stop) make([&](const auto& block) NFOPT_LAMBDA { store_block(d, block, h + made * kChannels); });
    add_run<T>(walk, run, targets, kChannels, rows, rest - start, run.length);
  }
  for (int64_t j = 0; j < view.scalars; ++j) {
    T* plane = member.planes + view.first_scalar + begin + j * view.positions();
    for (int64_t e = 0; e < count; e += kLanes) {
      const hn::Vec<decltype(d)> parts[2] = {hn::Load(d, dots[j][e / kE]), hn::Load(d, dots[j][e / kE + 1])};
      store_first(d, add_pairs(d, parts[0], parts[1]), std::min(kLanes, count - e), plane + e);
    }
  }
}

template <class T>
void hidden_chunk(const StepShape& shape, const StepMember<T>& member, int64_t v, int64_t chunk, T* partials) {
  const MixView& view = shape.mixing().views[v];
  const ElementLoops& loops = view.loops;
  const int64_t channels = padded(shape.mixing().in_channels), width = shape.width;
  const int64_t scalars = padded(view.scalars), positions = view.positions();
  Scratch<T> scratch(kTile * (2 * padded(width) + channels + scalars));
  T* x = scratch.take(kTile * padded(width));
  T* y = scratch.take(kTile * padded(width));
  T* h = scratch.take(kTile * channels);
  T* z = scratch.take(kTile * scalars);

  std::vector<SumTarget<T>> targets;
  T* next = partials;
  for (const int index : view.halves) {
    const SummedHalf& half = shape.mixing().halves[index];
    const RowRange range = partial_rows(view, half, chunk);
    targets.push_back(
        {&half.map, next - range.first * channels, half.map.strides.empty() ? 0 : half.map.strides.back()});
    next += range.count * channels;
  }
  std::fill(partials, next, T(0));

  const int64_t end = std::min(loops.count, (chunk + 1) * view.chunk);
  for (int64_t begin = chunk * view.chunk; begin < end; begin += view.tile()) {
    const int64_t count = std::min(view.tile(), end - begin);
    load_tile(shape, member, loops, begin, count, x);
    for (size_t l = 0; l + 1 < shape.body.size(); ++l) {
      const BodyLayer& layer = shape.body[l];
      dense(member.weights_of(layer), member.bias_of(layer), layer, x, count, y);
      std::swap(x, y);
    }
    const BodyLayer& last = shape.body.back();
    if constexpr (kSumsInRegisters<T>) {
      if (view.few() && channels == static_cast<int64_t>(4 * kSummed<T>)) {
        sum_last_layer(member, view, last, x, begin, count, targets, h);
        continue;
      }
    }
    dense_across(member.weights_of(last), member.bias_of(last), last, x, count, h);

    const T* q = member.packed_mixing + view.coefficients;
    T* planes = member.planes + view.first_scalar + begin / loops.folded;
    if (view.few()) {
      for (int64_t j = 0; j < view.scalars; ++j) dot_each(q + j * channels, h, channels, count, planes + j * positions);
    } else if (view.scalars > 0) {
      const int64_t entry = loops.folded * channels, here = count / loops.folded;
      project(q, entry, scalars, h, here, z);
      for (int64_t j = 0; j < view.scalars; ++j)
        for (int64_t p = 0; p < here; ++p) planes[j * positions + p] = z[p * scalars + j];
    }
    if (targets.empty()) continue;
    Run run;
    for (RunWalk walk(loops.sizes, begin, begin + count); walk.next(run);)
      add_run(walk, run, targets, channels, h + (run.element - begin) * channels, 0, run.length);
  }
}

// ---- between the passes ---------------------------------------------------------------------------------------------

template <class T>
void sum_halves(const StepShape& shape, const StepMember<T>& member) {
  const Mixing& mixing = shape.mixing();
  const int64_t channels = padded(mixing.in_channels);
  std::fill(member.sums, member.sums + mixing.sums * channels, T(0));
  for (size_t v = 0; v < mixing.views.size(); ++v) {
    const MixView& view = mixing.views[v];
    for (int64_t chunk = 0; chunk < view.chunks(); ++chunk) {
      const T* from = member.partials + shape.partials[v][chunk];
      for (const int index : view.halves) {
        const RowRange range = partial_rows(view, mixing.halves[index], chunk);
        add(from, range.count * channels, member.sums + (mixing.halves[index].first + range.first) * channels);
        from += range.count * channels;
      }
    }
  }
  for (const SummedHalf& half : mixing.halves) {
    if (half.from < 0) continue;
    const SummedHalf& larger = mixing.halves[half.from];
    Run run;
    for (RunWalk walk(half.from_sizes, 0, larger.rows); walk.next(run);) {
      const T* rows = member.sums + (larger.first + run.element) * channels;
      T* to = member.sums + (half.first + walk.row(half.from_strides, run)) * channels;
      for (int64_t i = 0; i < run.length; ++i)
        add(rows + i * channels, channels, to + i * half.from_strides.back() * channels);
    }
  }
}

template <class T>
void add_planes(const PlaneAdd& add, T* planes) {
  int64_t count = 1;
  for (const int64_t size : add.sizes) count *= size;
  Run run;
  for (RunWalk walk(add.sizes, 0, count); walk.next(run);) {
    const T* from = planes + add.from + walk.row(add.from_strides, run);
    T* to = planes + add.to + walk.row(add.to_strides, run);
    const int64_t from_step = add.sizes.empty() ? 0 : add.from_strides.back();
    const int64_t to_step = add.sizes.empty() ? 0 : add.to_strides.back();
    for (int64_t i = 0; i < run.length; ++i) to[i * to_step] += from[i * from_step];
  }
}

constexpr int64_t kPositions = 4;  // that share a pass over the coefficients

/// sum of m * x_p for four columns x_p
template <class T>
void dots(const T* HWY_RESTRICT m, const T* HWY_RESTRICT x, size_t columns, T* result) {
  const hn::ScalableTag<T> d;
  const size_t lanes = hn::Lanes(d);
  auto s0 = hn::Zero(d), s1 = hn::Zero(d), s2 = hn::Zero(d), s3 = hn::Zero(d);
  for (size_t i = 0; i < columns; i += lanes) {
    const auto weight = hn::LoadU(d, m + i);
    s0 = hn::MulAdd(weight, hn::Load(d, x + i), s0);
    s1 = hn::MulAdd(weight, hn::Load(d, x + columns + i), s1);
    s2 = hn::MulAdd(weight, hn::Load(d, x + 2 * columns + i), s2);
    s3 = hn::MulAdd(weight, hn::Load(d, x + 3 * columns + i), s3);
  }
  result[0] = hn::GetLane(hn::SumOfLanes(d, s0));
  result[1] = hn::GetLane(hn::SumOfLanes(d, s1));
  result[2] = hn::GetLane(hn::SumOfLanes(d, s2));
  result[3] = hn::GetLane(hn::SumOfLanes(d, s3));
}

template <class T>
void multiply(const StepShape& shape, const StepMember<T>& member, const MixProduct& product) {
  if (product.inputs.empty()) return;
  const int64_t channels = padded(shape.mixing().in_channels), columns = product.columns;
  T* const gathered_rows = Scratch<T>(kPositions * columns).take(kPositions * columns);
  const int64_t outs = shape.mixing().out_channels;
  std::vector<int64_t> bases(product.outputs.size() * kPositions);
  int64_t gathered = 0;
  Run run;
  const auto finish = [&]() HWY_ATTR {
    const T* row = member.packed_mixing + product.coefficients;
    for (size_t o = 0; o < product.outputs.size(); ++o) {
      const MixProduct::Output& output = product.outputs[o];
      for (int64_t out = 0; out < outs * output.folded; ++out, row += columns) {
        T result[kPositions];
        dots(row, gathered_rows, columns, result);
        T* to = member.planes + output.to + out / output.folded * output.plane + out % output.folded;
        for (int64_t p = 0; p < gathered; ++p) to[bases[o * kPositions + p]] += result[p];
      }
    }
    gathered = 0;
  };
  for (RunWalk walk(product.sizes, 0, product.positions); walk.next(run);) {
    for (int64_t i = 0; i < run.length; ++i) {
      T* to = gathered_rows + gathered * columns;
      const auto at = [&](const std::vector<int64_t>& strides) {
        return walk.row(strides, run) + (strides.empty() ? 0 : i * strides.back());
      };
      for (const MixProduct::Input& input : product.inputs) {
        const T* from = member.sums + (shape.mixing().halves[input.half].first + at(input.strides)) * channels;
        to = std::copy(from, from + input.folded * channels, to);
      }
      for (size_t o = 0; o < product.outputs.size(); ++o)
        bases[o * kPositions + gathered] = at(product.outputs[o].strides);
      if (++gathered == kPositions) finish();
    }
  }
  if (gathered > 0) finish();
}

template <class T>
void mix_member(const StepShape& shape, const StepMember<T>& member) {
  sum_halves(shape, member);
  // Scalars per element come first in the planes and are complete; the rest starts from nothing.
  std::fill(member.planes + shape.mixing().first_plane, member.planes + shape.mixing().planes, T(0));
  for (const MixStage& stage : shape.mixing().stages) {
    for (const auto& [from, to] : stage.biases) member.planes[to] += member.packed_mixing[from];
    for (const PlaneAdd& smaller : stage.smaller) add_planes(smaller, member.planes);
    multiply(shape, member, stage.product);
    for (const PlaneAdd& scalars : stage.scalars) add_planes(scalars, member.planes);
  }
}

// ---- pass 3 -------------------------------------------------------------------------------------------------------

/// u from the network's output y [C_out][kTile] and, where the form has one, the momentum m; both [kTile].
template <class T>
void step_tile(const StepShape& shape, const StepMember<T>& member, const T* y, const T* g, T* m, T* u) {
  const hn::ScalableTag<T> d;
  const auto a = hn::Set(d, member.a), b = hn::Set(d, member.b), w = hn::Set(d, member.w);
  for (int64_t i = 0; i < kTile; i += static_cast<int64_t>(hn::Lanes(d))) {
    const auto f = hn::Load(d, y + i);
    auto result = f;
    switch (shape.description.kind) {
      case StepKind::momentum:
        result = hn::Mul(a, hn::MulAdd(b, f, hn::Load(d, m + i)));
        break;
      case StepKind::own_momentum: {
        const auto old = hn::Load(d, m + i);
        const auto next = hn::MulAdd(w, hn::Sub(hn::Load(d, g + i), old), old);
        hn::Store(next, d, m + i);
        result = hn::Mul(a, hn::MulAdd(b, f, next));
        break;
      }
      case StepKind::exponential:
        result = hn::Mul(a, hn::Mul(f, hn::Exp(d, hn::Mul(b, hn::Load(d, y + kTile + i)))));
        break;
      case StepKind::scaled_gradient:
        result = hn::Mul(a, hn::Mul(hn::Exp(d, f), hn::Load(d, g + i)));
        break;
    }
    hn::Store(result, d, u + i);
  }
}

template <class T>
void apply_chunk(const StepShape& shape, const StepMember<T>& member, int64_t v, int64_t chunk) {
  const MixView& view = shape.mixing().views[v];
  const ElementLoops& loops = view.loops;
  const int64_t outs = shape.mixing().out_channels;
  Scratch<T> scratch(kTile * (outs + 3));
  T* y = scratch.take(kTile * outs);
  T* g = scratch.take(kTile);
  T* m = scratch.take(kTile);
  T* u = scratch.take(kTile);
  const int64_t flat = shape.offsets[loops.tensor] + loops.first;
  const T* gradient = member.grads[loops.tensor] + loops.first;
  const T* old_momentum = shape.description.kind == StepKind::momentum
                              ? member.momenta + shape.description.decay * shape.total + flat
                          : shape.description.kind == StepKind::own_momentum ? member.old_step_momentum + flat
                                                                             : nullptr;
  T* new_momentum = shape.description.kind == StepKind::own_momentum ? member.step_momentum + flat : nullptr;
  T* output = member.outputs[loops.tensor] + loops.first;

  // copy(elements of the parameter, elements of the tile) for the tile that begins at `begin`
  const auto each_run = [&](int64_t begin, int64_t count, auto&& copy) {
    if (loops.contiguous) return copy(begin, int64_t{1}, int64_t{0}, count);
    Run run;
    for (RunWalk walk(loops.sizes, begin, begin + count); walk.next(run);)
      copy(walk.row(loops.strides, run), loops.strides.back(), run.element - begin, run.length);
  };
  const int64_t end = std::min(loops.count, (chunk + 1) * view.chunk);
  for (int64_t begin = chunk * view.chunk; begin < end; begin += kTile) {
    const int64_t count = std::min(kTile, end - begin);
    std::fill(y, y + outs * kTile, T(0));
    Run run;
    for (RunWalk walk(loops.sizes, begin, begin + count); walk.next(run);) {
      for (const PlaneRead& read : view.reads) {
        const auto [from, to] = walk.part(read.map, run);
        if (from == to) continue;
        const int64_t stride = read.map.strides.empty() ? 0 : read.map.strides.back();
        const T* source = member.planes + read.first + walk.row(read.map.strides, run) + from * stride;
        for (int64_t c = 0; c < outs; ++c)
          add_strided(source + c * read.plane, stride, to - from, y + c * kTile + (run.element - begin) + from);
      }
    }
    each_run(begin, count, [&](int64_t at, int64_t stride, int64_t tile, int64_t length) {
      read_strided(gradient + at, stride, length, g + tile);
      if (old_momentum != nullptr) read_strided(old_momentum + at, stride, length, m + tile);
    });
    step_tile(shape, member, y, g, m, u);
    each_run(begin, count, [&](int64_t at, int64_t stride, int64_t tile, int64_t length) {
      if (member.subtract) {
        subtract_strided(u + tile, length, output + at, stride);
      } else {
        write_strided(u + tile, length, output + at, stride);
      }
      if (new_momentum != nullptr) write_strided(m + tile, length, new_momentum + at, stride);
    });
  }
}

// Functions without template arguments, for the table of instruction sets.
void accumulate_float(const StepShape& s, const StepMember<float>& m, int64_t t, int64_t b, double* q) {
  accumulate_block(s, m, t, b, q);
}
void accumulate_double(const StepShape& s, const StepMember<double>& m, int64_t t, int64_t b, double* q) {
  accumulate_block(s, m, t, b, q);
}
void hidden_float(const StepShape& s, const StepMember<float>& m, int64_t v, int64_t c, float* p) {
  hidden_chunk(s, m, v, c, p);
}
void hidden_double(const StepShape& s, const StepMember<double>& m, int64_t v, int64_t c, double* p) {
  hidden_chunk(s, m, v, c, p);
}
void mix_float(const StepShape& s, const StepMember<float>& m) { mix_member(s, m); }
void mix_double(const StepShape& s, const StepMember<double>& m) { mix_member(s, m); }
void apply_float(const StepShape& s, const StepMember<float>& m, int64_t v, int64_t c) { apply_chunk(s, m, v, c); }
void apply_double(const StepShape& s, const StepMember<double>& m, int64_t v, int64_t c) { apply_chunk(s, m, v, c); }

}  // namespace nfopt::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace nfopt::cpu {

RowRange partial_rows(const MixView& view, const SummedHalf& half, int64_t chunk) {
  const ElementLoops& loops = view.loops;
  if (half.map.strides.empty() || half.map.strides.front() == 0) return {0, half.rows};
  const int64_t each = loops.count / loops.sizes.front(), end = std::min(loops.count, (chunk + 1) * view.chunk);
  const int64_t first = chunk * view.chunk / each, last = (end - 1) / each;
  return {first * half.map.strides.front(), (last + 1 - first) * half.map.strides.front()};
}

HWY_EXPORT(accumulate_float);
HWY_EXPORT(accumulate_double);
HWY_EXPORT(hidden_float);
HWY_EXPORT(hidden_double);
HWY_EXPORT(mix_float);
HWY_EXPORT(mix_double);
HWY_EXPORT(apply_float);
HWY_EXPORT(apply_double);

template <>
void accumulate(const StepShape& s, const StepMember<float>& m, int64_t t, int64_t b, double* q) {
  HWY_DYNAMIC_DISPATCH(accumulate_float)(s, m, t, b, q);
}
template <>
void accumulate(const StepShape& s, const StepMember<double>& m, int64_t t, int64_t b, double* q) {
  HWY_DYNAMIC_DISPATCH(accumulate_double)(s, m, t, b, q);
}
template <>
void hidden(const StepShape& s, const StepMember<float>& m, int64_t v, int64_t c, float* p) {
  HWY_DYNAMIC_DISPATCH(hidden_float)(s, m, v, c, p);
}
template <>
void hidden(const StepShape& s, const StepMember<double>& m, int64_t v, int64_t c, double* p) {
  HWY_DYNAMIC_DISPATCH(hidden_double)(s, m, v, c, p);
}
template <>
void mix(const StepShape& s, const StepMember<float>& m) {
  HWY_DYNAMIC_DISPATCH(mix_float)(s, m);
}
template <>
void mix(const StepShape& s, const StepMember<double>& m) {
  HWY_DYNAMIC_DISPATCH(mix_double)(s, m);
}
template <>
void apply(const StepShape& s, const StepMember<float>& m, int64_t v, int64_t c) {
  HWY_DYNAMIC_DISPATCH(apply_float)(s, m, v, c);
}
template <>
void apply(const StepShape& s, const StepMember<double>& m, int64_t v, int64_t c) {
  HWY_DYNAMIC_DISPATCH(apply_double)(s, m, v, c);
}

}  // namespace nfopt::cpu
#endif
