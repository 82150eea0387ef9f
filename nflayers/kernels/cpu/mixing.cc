#include <nfopt/nflayers/kernels/cpu/mixing.h>

#include <algorithm>

namespace nfopt::cpu {
namespace {

// Tasks smaller than this cost more to hand out than they gain.
constexpr int64_t kLeastChunk = 8192;

}  // namespace

void Mixing::choose_chunks() {
  for (MixView& view : views) {
    int64_t shared_rows = 0;  // rows that every chunk sums on its own
    for (const int half : view.halves) {
      const auto& strides = halves[half].map.strides;
      if (strides.empty() || strides.front() == 0) shared_rows += halves[half].rows;
    }
    const int64_t least = std::max(kLeastChunk, shared_rows * padded(in_channels));
    view.chunk = (least + view.tile() - 1) / view.tile() * view.tile();
  }
}

Mixing pointwise_mixing(const std::vector<int64_t>& numels, int64_t in_channels, int64_t out_channels) {
  Mixing mixing;
  mixing.in_channels = in_channels;
  mixing.out_channels = out_channels;
  for (size_t t = 0; t < numels.size(); ++t) {
    MixView view;
    view.loops = {static_cast<int>(t), 0, {numels[t]}, {1}, numels[t], 1, true};
    view.scalars = out_channels;
    view.first_scalar = mixing.planes;
    mixing.planes += out_channels * numels[t];
    mixing.views.push_back(std::move(view));
  }
  // All views share the numbers that the first one packs.
  if (mixing.views.front().few()) {
    for (int64_t out = 0; out < out_channels; ++out)
      for (int64_t c = 0; c < padded(in_channels); ++c)
        mixing.packed.add(c < in_channels ? c * out_channels + out : -1, c < in_channels ? 1 : 0);
  } else {
    for (int64_t c = 0; c < padded(in_channels); ++c)
      for (int64_t out = 0; out < padded(out_channels); ++out) {
        const bool real = c < in_channels && out < out_channels;
        mixing.packed.add(real ? c * out_channels + out : -1, real ? 1 : 0);
      }
  }
  const int64_t bias = mixing.first_plane = mixing.planes;
  mixing.planes += out_channels;
  MixStage stage;
  for (int64_t out = 0; out < out_channels; ++out) {
    stage.biases.emplace_back(mixing.packed.size(), bias + out);
    mixing.packed.add(in_channels * out_channels + out, 1);
  }
  mixing.stages.push_back(std::move(stage));
  for (MixView& view : mixing.views) {
    view.reads = {{{{1}, {}}, view.first_scalar, view.loops.count}, {{{0}, {}}, bias, 1}};
  }
  mixing.choose_chunks();
  return mixing;
}

}  // namespace nfopt::cpu
