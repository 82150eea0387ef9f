// Reading, adding and writing numbers that lie one stride apart.
#if defined(NFOPT_NFLAYERS_KERNELS_CPU_STRIDED_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef NFOPT_NFLAYERS_KERNELS_CPU_STRIDED_INL_H
#undef NFOPT_NFLAYERS_KERNELS_CPU_STRIDED_INL_H
#else
#define NFOPT_NFLAYERS_KERNELS_CPU_STRIDED_INL_H
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>

HWY_BEFORE_NAMESPACE();
namespace nfopt::cpu::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

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

}  // namespace nfopt::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per instruction set
