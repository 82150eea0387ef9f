// Pass 1 of the fused step: momenta and sums of squares.
#if defined(NFOPT_NFLAYERS_KERNELS_CPU_ACCUMULATE_PASS_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef NFOPT_NFLAYERS_KERNELS_CPU_ACCUMULATE_PASS_INL_H
#undef NFOPT_NFLAYERS_KERNELS_CPU_ACCUMULATE_PASS_INL_H
#else
#define NFOPT_NFLAYERS_KERNELS_CPU_ACCUMULATE_PASS_INL_H
#endif

#include <hwy/highway.h>
#include <nfopt/nflayers/kernels/cpu/step_kernels.h>

#include <algorithm>
#include <cstddef>

HWY_BEFORE_NAMESPACE();
namespace nfopt::cpu::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

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

}  // namespace nfopt::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per instruction set
