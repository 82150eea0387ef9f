// Pass 2 of the fused step: features, hidden layers and their sums, a tile of elements at a time.
#if defined(NFOPT_NFLAYERS_KERNELS_CPU_HIDDEN_PASS_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef NFOPT_NFLAYERS_KERNELS_CPU_HIDDEN_PASS_INL_H
#undef NFOPT_NFLAYERS_KERNELS_CPU_HIDDEN_PASS_INL_H
#else
#define NFOPT_NFLAYERS_KERNELS_CPU_HIDDEN_PASS_INL_H
#endif

#include <hwy/highway.h>
#include <nfopt/nflayers/kernels/cpu/channel_sums-inl.h>
#include <nfopt/nflayers/kernels/cpu/dense_layers-inl.h>
#include <nfopt/nflayers/kernels/cpu/scratch.h>
#include <nfopt/nflayers/kernels/cpu/step_kernels.h>
#include <nfopt/nflayers/kernels/cpu/strided-inl.h>

#include <algorithm>
#include <utility>
#include <vector>

HWY_BEFORE_NAMESPACE();
namespace nfopt::cpu::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

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
  T* run = nullptr;  // of the row that the first element of a run belongs to
};

/// Adds the hidden channels of the elements [first, last) of a run, counted from its start, to every target. `rows` are
/// those of the run's start.
template <class T>
void add_run(const RunWalk& walk, const Run& run, const std::vector<SumTarget<T>>& targets, int64_t channels,
             const T* rows, int64_t first, int64_t last) {
  if (first >= last) return;
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
void sum_last_layer(const StepMember<T>& member, const MixView& view, const BodyLayer& last, const LiveLists<T>& inputs,
                    const T* x, int64_t begin, int64_t count, std::vector<SumTarget<T>>& targets, T* h) {
  const hn::ScalableTag<T> d;
  constexpr int64_t kE = kSummed, kLanes = HWY_LANES(T), kChannels = 2 * kLanes;
  static_assert(kGroup<T> % kE == 0);
  const T* w = member.weights_of(last);
  const T* b = member.bias_of(last);
  const T* q = member.packed_mixing + view.coefficients;
  HWY_ALIGN T dots[2][kTile / kE + 1][kLanes];
  int64_t made = 0;  // elements whose channels have been computed
  const auto make = [&](const auto& take) NFOPT_LAMBDA {
    hn::Vec<decltype(d)> block[kE][2];
    across_sums<kE, 2, 1, true>(d, w, kChannels, b, inputs.of(made), x + made, kTile, 1, block);
    for (int64_t j = 0; j < view.scalars; ++j) hn::Store(dot_block(d, q + j * kChannels, block), d, dots[j][made / kE]);
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
    for (SumTarget<T>& target : targets) target.run = target.rows + walk.row(target.map->strides, run) * kChannels;
    for (; whole && made + kE <= stop;)
      make([&](const auto& block) NFOPT_LAMBDA {
        for (const SumTarget<T>& target : targets) {
          T* sum = target.run + (made - start) * target.stride * kChannels;
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
      const auto sums = join_dots(d, hn::Load(d, dots[j][e / kE]), hn::Load(d, dots[j][e / kE + 1]));
      store_leading(d, sums, std::min(kLanes, count - e), plane + e);
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

  constexpr int64_t kGroups = LiveLists<T>::kGroups;
  Scratch<uint32_t> indices(3 * kGroups * padded(width));
  const auto lists = [&] { return LiveLists<T>{indices.take(kGroups * padded(width)), padded(width), {}}; };
  LiveLists<T> all = lists(), live = lists(), next_live = lists();
  all.keep_all(shape.channels());

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
    const LiveLists<T>* inputs = &all;
    for (size_t l = 0; l + 1 < shape.body.size(); ++l) {
      const BodyLayer& layer = shape.body[l];
      dense(member.weights_of(layer), member.bias_of(layer), layer, *inputs, x, count, y, next_live);
      std::swap(x, y);
      std::swap(live, next_live);
      inputs = &live;
    }
    const BodyLayer& last = shape.body.back();
    if constexpr (kSumsInRegisters<T>) {
      if (view.few() && channels == static_cast<int64_t>(2 * HWY_LANES(T))) {
        sum_last_layer(member, view, last, *inputs, x, begin, count, targets, h);
        continue;
      }
    }
    dense_across(member.weights_of(last), member.bias_of(last), last, *inputs, x, count, h);

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

}  // namespace nfopt::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per instruction set
