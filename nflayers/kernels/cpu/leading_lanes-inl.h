// Vectors of which only the first lanes are there: the ends of rows.
#if defined(NFOPT_NFLAYERS_KERNELS_CPU_LEADING_LANES_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef NFOPT_NFLAYERS_KERNELS_CPU_LEADING_LANES_INL_H
#undef NFOPT_NFLAYERS_KERNELS_CPU_LEADING_LANES_INL_H
#else
#define NFOPT_NFLAYERS_KERNELS_CPU_LEADING_LANES_INL_H
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <cstddef>

HWY_BEFORE_NAMESPACE();
namespace nfopt::cpu::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// Elsewhere masks are laid over whole vectors, whose other lanes may be no memory of this process.
#undef NFOPT_MASKED_MEMORY
#define NFOPT_MASKED_MEMORY (HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX2)

/// The first `count` lanes, without touching memory behind them.
template <class D, class T = hn::TFromD<D>>
HWY_INLINE hn::Vec<D> load_leading(D d, const T* HWY_RESTRICT from, size_t count) {
  if (count == hn::Lanes(d)) return hn::LoadU(d, from);
#if !NFOPT_MASKED_MEMORY
  HWY_ALIGN T all[HWY_LANES(T)] = {};
  std::copy(from, from + count, all);
  return hn::Load(d, all);
#else
  return hn::MaskedLoad(hn::FirstN(d, count), d, from);
#endif
}

/// The same for writing.
template <class D, class T = hn::TFromD<D>>
HWY_INLINE void store_leading(D d, hn::Vec<D> v, size_t count, T* HWY_RESTRICT to) {
  if (count == hn::Lanes(d)) return hn::StoreU(v, d, to);
#if !NFOPT_MASKED_MEMORY
  HWY_ALIGN T all[HWY_LANES(T)];
  hn::Store(v, d, all);
  std::copy(all, all + count, to);
#else
  hn::BlendedStore(v, hn::FirstN(d, count), d, to);
#endif
}

}  // namespace nfopt::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per instruction set
