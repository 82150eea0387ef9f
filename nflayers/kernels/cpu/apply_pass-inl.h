// Pass 3 of the fused step: broadcasts and the step itself.
#if defined(NFOPT_NFLAYERS_KERNELS_CPU_APPLY_PASS_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef NFOPT_NFLAYERS_KERNELS_CPU_APPLY_PASS_INL_H
#undef NFOPT_NFLAYERS_KERNELS_CPU_APPLY_PASS_INL_H
#else
#define NFOPT_NFLAYERS_KERNELS_CPU_APPLY_PASS_INL_H
#endif

#include <hwy/contrib/math/math-inl.h>
#include <hwy/highway.h>
#include <nfopt/nflayers/kernels/cpu/scratch.h>
#include <nfopt/nflayers/kernels/cpu/step_kernels.h>
#include <nfopt/nflayers/kernels/cpu/strided-inl.h>

#include <algorithm>

HWY_BEFORE_NAMESPACE();
namespace nfopt::cpu::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

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

}  // namespace nfopt::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per instruction set
