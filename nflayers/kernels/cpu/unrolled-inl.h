// A loop that the compiler unrolls, for sources that Highway compiles once per instruction set: as its own -inl headers,
// included once per instruction set as well.
#if defined(NFOPT_NFLAYERS_KERNELS_CPU_UNROLLED_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef NFOPT_NFLAYERS_KERNELS_CPU_UNROLLED_INL_H
#undef NFOPT_NFLAYERS_KERNELS_CPU_UNROLLED_INL_H
#else
#define NFOPT_NFLAYERS_KERNELS_CPU_UNROLLED_INL_H
#endif

#include <hwy/highway.h>

#include <cstddef>
#include <type_traits>
#include <utility>

#ifndef NFOPT_LAMBDA
#define NFOPT_LAMBDA HWY_ATTR __attribute__((always_inline))
#endif

HWY_BEFORE_NAMESPACE();
namespace nfopt::cpu::HWY_NAMESPACE {

// f(0), .., f(n - 1) with the number as a constant: register blocks need indices that the compiler knows.
template <size_t n, class F>
HWY_INLINE void unrolled(F&& f) {
  [&]<size_t... i>(std::index_sequence<i...>) NFOPT_LAMBDA { (f(std::integral_constant<size_t, i>{}), ...); }
  (std::make_index_sequence<n>{});
}

}  // namespace nfopt::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per instruction set
