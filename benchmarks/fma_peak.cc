#include "benchmarks/fma_peak.h"

#include <algorithm>
#include <chrono>

// This file once per instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "benchmarks/fma_peak.cc"
// clang-format off
#include <hwy/foreach_target.h>  // before all that is compiled once per instruction set
#include <hwy/highway.h>
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace nfopt::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// Sixteen chains hide the latency of two units. Returns the operations done.
double multiply_adds(long rounds, float* result) {
  const hn::ScalableTag<float> d;
  const auto factor = hn::Set(d, 0.999F), term = hn::Set(d, 0.001F);
  const auto start = [&](float x) HWY_ATTR { return hn::Set(d, x); };  // all different, or one chain would do for all
  auto a = start(1), b = start(2), c = start(3), e = start(4), f = start(5), g = start(6), h = start(7), i = start(8);
  auto j = start(9), k = start(10), l = start(11), m = start(12), n = start(13), o = start(14), p = start(15),
       q = start(16);
  for (long round = 0; round < rounds; ++round) {
    a = hn::MulAdd(a, factor, term), b = hn::MulAdd(b, factor, term);
    c = hn::MulAdd(c, factor, term), e = hn::MulAdd(e, factor, term);
    f = hn::MulAdd(f, factor, term), g = hn::MulAdd(g, factor, term);
    h = hn::MulAdd(h, factor, term), i = hn::MulAdd(i, factor, term);
    j = hn::MulAdd(j, factor, term), k = hn::MulAdd(k, factor, term);
    l = hn::MulAdd(l, factor, term), m = hn::MulAdd(m, factor, term);
    n = hn::MulAdd(n, factor, term), o = hn::MulAdd(o, factor, term);
    p = hn::MulAdd(p, factor, term), q = hn::MulAdd(q, factor, term);
  }
  a = hn::Add(hn::Add(hn::Add(a, b), hn::Add(c, e)), hn::Add(hn::Add(f, g), hn::Add(h, i)));
  j = hn::Add(hn::Add(hn::Add(j, k), hn::Add(l, m)), hn::Add(hn::Add(n, o), hn::Add(p, q)));
  *result = hn::GetLane(hn::SumOfLanes(d, hn::Add(a, j)));
  return 16.0 * 2.0 * static_cast<double>(hn::Lanes(d)) * static_cast<double>(rounds);
}

}  // namespace nfopt::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace nfopt {

HWY_EXPORT(multiply_adds);

double fma_peak_flops() {
  double best = 0;
  volatile float sink = 0;
  for (int trial = 0; trial < 10; ++trial) {
    float result = 0;
    const auto start = std::chrono::steady_clock::now();
    const double operations = HWY_DYNAMIC_DISPATCH(multiply_adds)(500000, &result);
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    best = std::max(best, operations / seconds.count());
    sink = sink + result;
  }
  return best;
}

}  // namespace nfopt
#endif
