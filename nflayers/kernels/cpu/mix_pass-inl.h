// Between passes 2 and 3 of the fused step: sums of all halves, small products, broadcasts between them.
#if defined(NFOPT_NFLAYERS_KERNELS_CPU_MIX_PASS_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef NFOPT_NFLAYERS_KERNELS_CPU_MIX_PASS_INL_H
#undef NFOPT_NFLAYERS_KERNELS_CPU_MIX_PASS_INL_H
#else
#define NFOPT_NFLAYERS_KERNELS_CPU_MIX_PASS_INL_H
#endif

#include <hwy/highway.h>
#include <nfopt/nflayers/kernels/cpu/scratch.h>
#include <nfopt/nflayers/kernels/cpu/step_kernels.h>
#include <nfopt/nflayers/kernels/cpu/strided-inl.h>

#include <algorithm>
#include <utility>
#include <vector>

HWY_BEFORE_NAMESPACE();
namespace nfopt::cpu::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

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

}  // namespace nfopt::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per instruction set
