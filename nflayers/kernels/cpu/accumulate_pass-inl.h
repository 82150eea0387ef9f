// Pass 1 of the fused step: momenta and sums of squares.
#if defined(NFOPT_NFLAYERS_KERNELS_CPU_ACCUMULATE_PASS_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef NFOPT_NFLAYERS_KERNELS_CPU_ACCUMULATE_PASS_INL_H
#undef NFOPT_NFLAYERS_KERNELS_CPU_ACCUMULATE_PASS_INL_H
#else
#define NFOPT_NFLAYERS_KERNELS_CPU_ACCUMULATE_PASS_INL_H
#endif

#include <hwy/highway.h>
#include <nfopt/nflayers/kernels/cpu/step_kernels.h>
#include <nfopt/nflayers/kernels/cpu/unrolled-inl.h>

#include <algorithm>
#include <cstddef>

HWY_BEFORE_NAMESPACE();
namespace nfopt::cpu::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

/// The sum of the squares of value(0), value(lanes), .. value(whole - lanes): four sums that do not wait for each other.
template <class D, class Value>
HWY_INLINE hn::TFromD<D> sum_of_squares(D d, int64_t whole, const Value& value) {
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  auto s0 = hn::Zero(d), s1 = hn::Zero(d), s2 = hn::Zero(d), s3 = hn::Zero(d);
  const auto add = [&](auto& sum, int64_t at) NFOPT_LAMBDA {
    const auto x = value(at);
    sum = hn::MulAdd(x, x, sum);
  };
  int64_t i = 0;
  for (; i + 4 * lanes <= whole; i += 4 * lanes) {
    add(s0, i);
    add(s1, i + lanes);
    add(s2, i + 2 * lanes);
    add(s3, i + 3 * lanes);
  }
  for (; i < whole; i += lanes) add(s0, i);
  return hn::GetLane(hn::SumOfLanes(d, hn::Add(hn::Add(s0, s1), hn::Add(s2, s3))));
}

template <class T>
void accumulate_block(const StepShape& shape, const StepMember<T>& member, int64_t tensor, int64_t block,
                      double* squares) {
  const hn::ScalableTag<T> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const int64_t begin = block * kSquareBlock, count = std::min(kSquareBlock, shape.description.numels[tensor] - begin);
  const int64_t whole = count / lanes * lanes;
  const T* g = member.grads[tensor] + begin;
  const T clip = static_cast<T>(shape.description.clip);
  const auto high = hn::Set(d, clip), low = hn::Set(d, -clip);
  const auto clipped = [&](auto value) NFOPT_LAMBDA { return hn::Min(high, hn::Max(low, value)); };
  int64_t decay = 0;
  for (size_t c = 0; c < static_cast<size_t>(shape.channels()); ++c) {
    const T* from = shape.description.channels[c] == Channel::gradient ? g : member.params[tensor] + begin;
    T sum = 0;
    if (shape.description.channels[c] == Channel::momentum) {
      const int64_t at = decay * shape.total + shape.offsets[tensor] + begin;
      const T* old = member.old_momenta + at;
      T* to = member.momenta + at;
      const T fresh = static_cast<T>(1 - shape.description.decays[decay++]);
      const auto weight = hn::Set(d, fresh);
      sum = sum_of_squares(d, whole, [&](int64_t i) NFOPT_LAMBDA {
        const auto m = hn::LoadU(d, old + i);
        const auto next = hn::MulAdd(weight, hn::Sub(hn::LoadU(d, g + i), m), m);
        hn::StoreU(next, d, to + i);
        return clipped(next);
      });
      for (int64_t i = whole; i < count; ++i) to[i] = old[i] + fresh * (g[i] - old[i]);
      from = to;
    } else {
      sum = sum_of_squares(d, whole, [&](int64_t i) NFOPT_LAMBDA { return clipped(hn::LoadU(d, from + i)); });
    }
    T rest = 0;
    for (int64_t i = whole; i < count; ++i) {
      const T x = std::min(clip, std::max(-clip, from[i]));
      rest += x * x;
    }
    squares[c] = static_cast<double>(sum) + static_cast<double>(rest);
  }
}

}  // namespace nfopt::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per instruction set
