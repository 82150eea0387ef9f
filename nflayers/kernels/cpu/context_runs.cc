#include <nfopt/nflayers/kernels/cpu/context_runs.h>

#include <type_traits>

// This file once per instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "nfopt/nflayers/kernels/cpu/context_runs.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
// After highway.h: it is included once per instruction set as well.
#include <hwy/contrib/math/math-inl.h>
#include <nfopt/nflayers/kernels/cpu/leading_lanes-inl.h>

// Loops over channels and features: rolled up, their arrays would live in memory instead of registers.
#ifndef NFOPT_UNROLL
#define NFOPT_UNROLL _Pragma("GCC unroll 16")
#endif

HWY_BEFORE_NAMESPACE();
namespace nfopt::cpu::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;
using D = hn::CappedTag<float, 16>;
using V = hn::Vec<D>;
constexpr int H = kContextHidden;

/// With kRest the first n lanes, so that nothing behind the end of a run is touched.
template <bool kRest>
HWY_INLINE V load(const float* from, int64_t n) {
  const D d;
  if constexpr (kRest) return load_leading(d, from, static_cast<size_t>(n));
  return hn::LoadU(d, from);
}
template <bool kRest>
HWY_INLINE void store(V value, float* to, int64_t n) {
  const D d;
  if constexpr (kRest) return store_leading(d, value, static_cast<size_t>(n), to);
  hn::StoreU(value, d, to);
}

/// part(i, n, rest) for every full vector of a run, then for what is left.
template <class Part>
HWY_INLINE void for_each_vector(int64_t n, const Part& part) {
  const auto lanes = static_cast<int64_t>(hn::Lanes(D()));
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) part(i, lanes, std::false_type());
  if (i < n) part(i, n - i, std::true_type());
}

HWY_INLINE V averaged(V old, V value, float weight) {
  return hn::MulAdd(hn::Set(D(), weight), hn::Sub(value, old), old);
}

HWY_INLINE V root_of(V squares, const ContextRunConstants& c) {  // sqrt(v) + epsilon
  const D d;
  const V corrected = hn::MulAdd(squares, hn::Set(d, c.square_correction), hn::Set(d, c.floor));
  return hn::Add(hn::Sqrt(corrected), hn::Set(d, c.epsilon));
}

ContextRunSums accumulate(const ContextRun& run, const ContextRunConstants& c, float* column_squares) {
  const D d;
  V squares_sum = hn::Zero(d), weights_sum = hn::Zero(d), nominal_sum = hn::Zero(d), gradient_sum = hn::Zero(d);
  for_each_vector(run.n, [&](int64_t i, int64_t n, auto rest) HWY_ATTR {
    constexpr bool kRest = decltype(rest)::value;
    const V g = load<kRest>(run.g + i, n), w = load<kRest>(run.w + i, n);
    const V g2 = hn::Mul(g, g);
    V m1 = hn::Zero(d);
    NFOPT_UNROLL for (int k = 0; k < 3; ++k) {
      const V m = averaged(load<kRest>(run.m[k] + i, n), g, c.momentum_weights[k]);
      store<kRest>(m, run.m[k] + i, n);
      if (k == 0) m1 = m;
    }
    const V v = averaged(load<kRest>(run.v + i, n), g2, c.square_weight);
    store<kRest>(v, run.v + i, n);
    if (column_squares != nullptr) store<kRest>(hn::Add(load<kRest>(column_squares + i, n), g2), column_squares + i, n);
    const V corrected = hn::Mul(m1, hn::Set(d, c.momentum_corrections[0]));
    const V nominal = c.momentum_direction ? corrected : hn::Div(corrected, root_of(v, c));
    // Lanes behind the end hold zeros everywhere.
    squares_sum = hn::Add(squares_sum, v);
    gradient_sum = hn::Add(gradient_sum, g2);
    weights_sum = hn::MulAdd(w, w, weights_sum);
    nominal_sum = hn::MulAdd(nominal, nominal, nominal_sum);
  });
  const auto sum = [&](V x) HWY_ATTR { return hn::GetLane(hn::SumOfLanes(d, x)); };
  return {sum(squares_sum), sum(weights_sum), sum(nominal_sum), sum(gradient_sum)};
}

/// The features of one vector of elements; order as documented in docs/context.md.
template <bool kRest>
HWY_INLINE void features(const ContextRun& run, const ContextRunConstants& c, int64_t i, int64_t n,
                         V (&f)[kContextFeatureCount], V& w, V& nominal) {
  const D d;
  const V limit = hn::Set(d, c.clip), lowest = hn::Neg(limit);
  const auto clip = [&](V x) HWY_ATTR { return hn::Max(lowest, hn::Min(x, limit)); };
  const V g = load<kRest>(run.g + i, n);
  w = load<kRest>(run.w + i, n);
  const V root = root_of(load<kRest>(run.v + i, n), c);
  const V inverse_root = hn::Div(hn::Set(d, 1.0f), root);
  const V inverse_scale = hn::Set(d, c.inverse_scale);
  V m[3];
  NFOPT_UNROLL for (int k = 0; k < 3; ++k) m[k] =
      hn::Mul(load<kRest>(run.m[k] + i, n), hn::Set(d, c.momentum_corrections[k]));
  const V factor =
      run.factor == nullptr ? inverse_root : hn::Mul(load<kRest>(run.factor + i, n), hn::Set(d, run.factor_scale));
  f[0] = clip(hn::Mul(g, inverse_root));
  NFOPT_UNROLL for (int k = 0; k < 3; ++k) f[1 + k] = hn::Mul(m[k], inverse_root);
  f[4] = clip(hn::Mul(g, factor));
  NFOPT_UNROLL for (int k = 0; k < 3; ++k) f[5 + k] = clip(hn::Mul(m[k], factor));
  f[8] = clip(hn::Mul(w, hn::Set(d, c.inverse_weight)));
  f[9] = clip(hn::Mul(g, inverse_scale));
  f[10] = clip(hn::Mul(m[0], inverse_scale));
  f[11] = clip(hn::Mul(m[1], inverse_scale));
  f[12] = clip(hn::Mul(hn::Set(d, 0.5f), hn::Log(d, hn::Mul(root, inverse_scale))));
  f[13] = hn::Abs(f[1]);
  nominal = c.momentum_direction ? hn::Mul(m[0], inverse_scale) : f[1];
}

HWY_INLINE void hidden_of(const V (&f)[kContextFeatureCount], const ContextNetwork& network, int role, V (&h)[H]) {
  const D d;
  NFOPT_UNROLL for (int k = 0; k < H; ++k) h[k] = hn::Set(d, network.body_bias[role][k]);
  NFOPT_UNROLL for (int j = 0; j < kContextFeatureCount; ++j) {
    NFOPT_UNROLL for (int k = 0; k < H; ++k) h[k] = hn::MulAdd(hn::Set(d, network.body[j][k]), f[j], h[k]);
  }
  NFOPT_UNROLL for (int k = 0; k < H; ++k) h[k] = hn::Max(h[k], hn::Zero(d));
}

void hidden(const ContextRun& run, const ContextRunConstants& c, const ContextNetwork& network, int role, float* sums,
            int64_t stride, float* total) {
  const D d;
  V totals[H];
  NFOPT_UNROLL for (int k = 0; k < H; ++k) totals[k] = hn::Zero(d);
  for_each_vector(run.n, [&](int64_t i, int64_t n, auto rest) HWY_ATTR {
    constexpr bool kRest = decltype(rest)::value;
    V f[kContextFeatureCount], h[H], w, nominal;
    features<kRest>(run, c, i, n, f, w, nominal);
    hidden_of(f, network, role, h);
    NFOPT_UNROLL for (int k = 0; k < H; ++k) {
      if constexpr (kRest) h[k] = hn::IfThenElseZero(hn::FirstN(d, static_cast<size_t>(n)), h[k]);
      float* at = sums + k * stride + i;
      store<kRest>(hn::Add(load<kRest>(at, n), h[k]), at, n);
      totals[k] = hn::Add(totals[k], h[k]);
    }
  });
  NFOPT_UNROLL for (int k = 0; k < H; ++k) total[k] += hn::GetLane(hn::SumOfLanes(d, totals[k]));
}

void step_run(const ContextRun& run, const ContextRunConstants& c, const ContextNetwork& network, int role,
              const float* row, const float* columns, int64_t stride, float* out) {
  const D d;
  for_each_vector(run.n, [&](int64_t i, int64_t n, auto rest) HWY_ATTR {
    constexpr bool kRest = decltype(rest)::value;
    V f[kContextFeatureCount], h1[H], h2[H], w, nominal;
    features<kRest>(run, c, i, n, f, w, nominal);
    hidden_of(f, network, role, h1);
    NFOPT_UNROLL for (int k = 0; k < H; ++k) h2[k] =
        hn::Add(hn::Set(d, row[k]), load<kRest>(columns + k * stride + i, n));
    NFOPT_UNROLL for (int j = 0; j < H; ++j) {
      NFOPT_UNROLL for (int k = 0; k < H; ++k) h2[k] = hn::MulAdd(hn::Set(d, network.self[j][k]), h1[j], h2[k]);
    }
    V direction = hn::Set(d, network.direction_bias), scale = hn::Set(d, network.scale_bias);
    NFOPT_UNROLL for (int k = 0; k < H; ++k) {
      const V h = hn::Max(h2[k], hn::Zero(d));
      direction = hn::MulAdd(hn::Set(d, network.direction[k]), h, direction);
      scale = hn::MulAdd(hn::Set(d, network.scale[k]), h, scale);
    }
    const V limit = hn::Set(d, c.scale_limit);
    const V exponent = hn::Max(hn::Neg(limit), hn::Min(hn::Mul(hn::Set(d, c.scale_gain), scale), limit));
    const V u = hn::MulAdd(hn::Set(d, c.direction_gain), direction, hn::Mul(nominal, hn::Exp(d, exponent)));
    const V step = hn::Mul(u, hn::Set(d, c.rate));
    if (out != nullptr)
      store<kRest>(step, out + i, n);
    else
      store<kRest>(hn::Sub(w, step), run.w + i, n);
  });
}

}  // namespace nfopt::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace nfopt::cpu {

HWY_EXPORT(accumulate);
HWY_EXPORT(hidden);
HWY_EXPORT(step_run);

ContextRunSums context_accumulate(const ContextRun& run, const ContextRunConstants& c, float* column_squares) {
  return HWY_DYNAMIC_DISPATCH(accumulate)(run, c, column_squares);
}
void context_hidden(const ContextRun& run, const ContextRunConstants& c, const ContextNetwork& network, int role,
                    float* sums, int64_t stride, float* total) {
  HWY_DYNAMIC_DISPATCH(hidden)(run, c, network, role, sums, stride, total);
}
void context_step_run(const ContextRun& run, const ContextRunConstants& c, const ContextNetwork& network, int role,
                      const float* row, const float* columns, int64_t stride, float* out) {
  HWY_DYNAMIC_DISPATCH(step_run)(run, c, network, role, row, columns, stride, out);
}

}  // namespace nfopt::cpu
#endif
