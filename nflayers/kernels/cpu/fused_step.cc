#include <nfopt/nflayers/kernels/cpu/fused_step.h>
#include <nfopt/nflayers/kernels/cpu/pieces.h>
#include <nfopt/nflayers/kernels/cpu/step_kernels.h>
#include <tbb/global_control.h>
#include <tbb/task_arena.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <tuple>

namespace nfopt::cpu {
namespace {

// Below this many elements a task costs more than it gains.
constexpr int64_t kParallelElements = 12288;
constexpr int64_t kBlocksPerTask = 8;
constexpr int64_t kWeightBlock = 8;

int64_t allowed_threads() {
  const auto arena = static_cast<int64_t>(tbb::this_task_arena::max_concurrency());
  const auto control =
      static_cast<int64_t>(tbb::global_control::active_value(tbb::global_control::max_allowed_parallelism));
  return std::max<int64_t>(1, std::min(arena, control));
}

int64_t aligned(int64_t bytes) { return (bytes + 63) / 64 * 64; }

double entry(const std::vector<double>& values, int64_t member) {
  if (values.empty()) return 0;
  return values[values.size() == 1 ? 0 : member];
}

}  // namespace

// Everything that follows from the description: where numbers lie, and the pieces of every pass.
struct FusedStep::Layout {
  explicit Layout(FusedDescription description);

  struct Piece {
    int64_t owner = 0;  ///< parameter or view
    int64_t index = 0;  ///< block or chunk
  };
  struct Slot {  ///< of one member at a time: offsets in bytes
    int64_t first_bias = 0, sums = 0, planes = 0, partials = 0, squares = 0, scales = 0, size = 0;
  };

  Slot slot(int64_t number_size) const;
  int64_t slots(int64_t members) const { return inside(members) ? 1 : std::min(members, allowed_threads()); }
  /// Few members of a large network: tasks work on one member together.
  bool inside(int64_t members) const { return shape.total >= kParallelElements && members < 2 * allowed_threads(); }

  template <class T>
  void pack(const ThetaArguments<T>& theta, int64_t member, T* flat, T* packed) const;
  template <class T>
  const T* first_bias(const StepArguments<T>& arguments, int64_t member, const T* theta, T* bias) const;
  template <class T>
  void run(const StepArguments<T>& arguments, int64_t member, char* workspace, bool parallel) const;

  StepShape shape;
  // Packed meta-parameters: hidden layers, weights of the first one's constant channels [constants, out], mixing layer.
  int64_t constant_weights = 0, mixing_numbers = 0, packed_numbers = 0;
  int64_t stored_numbers = 0;  ///< parameters of the mixing layer
  int64_t partial_numbers = 0;
  std::tuple<std::vector<float>, std::vector<double>> packed_scale;
  std::vector<Piece> blocks, chunks;
};

FusedStep::Layout::Layout(FusedDescription description) {
  shape.description = std::move(description);
  const FusedDescription& d = shape.description;
  shape.width = padded(shape.channels());
  int64_t in = shape.channels();
  for (const int64_t out : d.hidden) {
    BodyLayer layer;
    layer.in = in;
    layer.out = padded(out);
    layer.weights = packed_numbers;
    layer.bias = layer.weights + layer.in * layer.out;
    packed_numbers = aligned(layer.bias + layer.out);
    shape.width = std::max(shape.width, layer.out);
    shape.body.push_back(layer);
    in = layer.out;
  }
  for (size_t t = 0; t < d.numels.size(); ++t) {
    shape.offsets.push_back(shape.total);
    shape.total += d.numels[t];
    for (int64_t b = 0; b * kSquareBlock < d.numels[t]; ++b) blocks.push_back({static_cast<int64_t>(t), b});
  }
  const Mixing& mixing = d.mixing;
  constant_weights = packed_numbers;
  mixing_numbers = aligned(constant_weights + d.constants * shape.body.front().out);
  packed_numbers = aligned(mixing_numbers + mixing.packed.size());
  for (size_t v = 0; v < mixing.views.size(); ++v) {
    shape.partials.emplace_back();
    for (int64_t chunk = 0; chunk < mixing.views[v].chunks(); ++chunk) {
      shape.partials.back().push_back(partial_numbers);
      for (const int half : mixing.views[v].halves)
        partial_numbers += partial_rows(mixing.views[v], mixing.halves[half], chunk).count * padded(mixing.in_channels);
      chunks.push_back({static_cast<int64_t>(v), chunk});
    }
  }
  for (const int32_t source : mixing.packed.source) stored_numbers = std::max<int64_t>(stored_numbers, source + 1);
  const std::vector<double>& scale = mixing.packed.scale;
  packed_scale = {std::vector<float>(scale.begin(), scale.end()), scale};
}

FusedStep::Layout::Slot FusedStep::Layout::slot(int64_t number_size) const {
  const Mixing& mixing = shape.mixing();
  Slot slot;
  const auto take = [&](int64_t& at, int64_t bytes) {
    at = slot.size;
    slot.size += aligned(bytes);
  };
  take(slot.first_bias, shape.body.front().out * number_size);
  take(slot.sums, mixing.sums * padded(mixing.in_channels) * number_size);
  take(slot.planes, mixing.planes * number_size);
  take(slot.partials, partial_numbers * number_size);
  take(slot.squares, static_cast<int64_t>(blocks.size()) * shape.channels() * static_cast<int64_t>(sizeof(double)));
  take(slot.scales, static_cast<int64_t>(shape.offsets.size()) * shape.channels() * number_size);
  return slot;
}

template <class T>
void FusedStep::Layout::pack(const ThetaArguments<T>& theta, int64_t member, T* flat, T* packed) const {
  const FusedDescription& d = shape.description;
  std::fill(packed, packed + packed_numbers, T(0));
  for (size_t l = 0; l < shape.body.size(); ++l) {
    const BodyLayer& layer = shape.body[l];
    const T* w = theta.body[2 * l].of(member);
    const T* b = theta.body[2 * l + 1].of(member);
    const int64_t in = l == 0 ? shape.channels() : d.hidden[l - 1], out = d.hidden[l];
    std::copy(b, b + out, packed + layer.bias);
    for (int64_t k = 0; l == 0 && k < d.constants; ++k)
      std::copy(w + (in + k) * out, w + (in + k + 1) * out, packed + constant_weights + k * layer.out);
    T* weights = packed + layer.weights;
    for (int64_t i = 0; i < in; ++i) {
      // Products leave out inputs that are 0, which must not hide a weight that is not finite: 0 of it is NaN.
      for (int64_t o = 0; o < out; ++o) packed[layer.bias + o] += T(0) * w[i * out + o];
      if (l + 1 == shape.body.size()) {
        std::copy(w + i * out, w + (i + 1) * out, weights + i * layer.out);
        continue;
      }
      int64_t o = 0;
      T* to = weights + i * kWeightBlock;
      for (; o + kWeightBlock <= out; o += kWeightBlock, to += layer.in * kWeightBlock)
        std::memcpy(to, w + i * out + o, kWeightBlock * sizeof(T));
      std::copy(w + i * out + o, w + (i + 1) * out, to);
    }
  }
  for (size_t i = 0; i < theta.mixing.size(); ++i) {
    const T* from = theta.mixing[i].of(member);
    flat = std::copy(from, from + theta.mixing_numels[i], flat);
  }
  flat -= stored_numbers;
  const PackedCoefficients& map = d.mixing.packed;
  const std::vector<T>& scale = std::get<std::vector<T>>(packed_scale);
  flat[stored_numbers] = T(0);  // what no stored number fills comes from here
  T* mixing = packed + mixing_numbers;
  for (int64_t i = 0; i < map.size(); ++i)
    mixing[i] = scale[i] * flat[map.source[i] < 0 ? stored_numbers : map.source[i]];
}

/// The bias of the first layer with what is the same for all elements: channels that are constants of the step.
template <class T>
const T* FusedStep::Layout::first_bias(const StepArguments<T>& arguments, int64_t member, const T* theta,
                                       T* bias) const {
  const int64_t count = shape.description.constants;
  const BodyLayer& first = shape.body.front();
  if (count == 0) return theta + first.bias;
  const bool shared = static_cast<int64_t>(arguments.constants.size()) == count;
  const double* constants = arguments.constants.data() + (shared ? 0 : member * count);
  for (int64_t o = 0; o < first.out; ++o) {
    auto sum = static_cast<double>(theta[first.bias + o]);
    for (int64_t k = 0; k < count; ++k)
      sum += constants[k] * static_cast<double>(theta[constant_weights + k * first.out + o]);
    bias[o] = static_cast<T>(sum);
  }
  return bias;
}

template <class T>
void FusedStep::Layout::run(const StepArguments<T>& arguments, int64_t m, char* workspace, bool parallel) const {
  const FusedDescription& d = shape.description;
  const Slot at = slot(sizeof(T));
  const auto numbers = [&](int64_t offset) { return reinterpret_cast<T*>(workspace + offset); };
  StepMember<T> member;
  for (size_t t = 0; t < d.numels.size(); ++t) {
    member.params.push_back(arguments.params[t].of(m));
    member.grads.push_back(arguments.grads[t].of(m));
    member.outputs.push_back(arguments.outputs[t].of(m));
  }
  member.subtract = arguments.subtract;
  member.old_momenta = arguments.old_momenta.of(m);
  member.momenta = arguments.momenta.of(m);
  if (d.kind == StepKind::own_momentum) {
    member.old_step_momentum = arguments.old_step_momentum.of(m);
    member.step_momentum = arguments.step_momentum.of(m);
  }
  member.a = static_cast<T>(entry(arguments.a, m));
  member.b = static_cast<T>(entry(arguments.b, m));
  member.w = static_cast<T>(entry(arguments.w, m));
  const T* theta = arguments.theta.of(m);
  member.packed_body = theta;
  member.packed_mixing = theta + mixing_numbers;
  member.first_bias = first_bias(arguments, m, theta, numbers(at.first_bias));
  member.sums = numbers(at.sums);
  member.planes = numbers(at.planes);
  member.partials = numbers(at.partials);
  member.scales = numbers(at.scales);
  auto* squares = reinterpret_cast<double*>(workspace + at.squares);

  const int64_t channels = shape.channels();
  for_each_piece(static_cast<int64_t>(blocks.size()), kBlocksPerTask, parallel, [&](int64_t i) {
    accumulate(shape, member, blocks[i].owner, blocks[i].index, squares + i * channels);
  });
  size_t block = 0;
  std::vector<double> sums(channels);
  for (size_t t = 0; t < d.numels.size(); ++t) {
    std::fill(sums.begin(), sums.end(), 0.0);
    for (; block < blocks.size() && blocks[block].owner == static_cast<int64_t>(t); ++block)
      for (int64_t c = 0; c < channels; ++c) sums[c] += squares[static_cast<int64_t>(block) * channels + c];
    double all = 0;
    for (const double sum : sums) all += sum;
    const auto n = static_cast<double>(d.numels[t]);
    for (int64_t c = 0; c < channels; ++c) {
      const double mean = d.one_scale ? all / (n * static_cast<double>(channels)) : sums[c] / n;
      member.scales[static_cast<int64_t>(t) * channels + c] = static_cast<T>(1 / std::sqrt(d.epsilon + mean));
    }
  }
  for_each_piece(static_cast<int64_t>(chunks.size()), 1, parallel, [&](int64_t i) {
    const Piece& piece = chunks[i];
    hidden(shape, member, piece.owner, piece.index, member.partials + shape.partials[piece.owner][piece.index]);
  });
  mix(shape, member);
  for_each_piece(static_cast<int64_t>(chunks.size()), 1, parallel,
                 [&](int64_t i) { apply(shape, member, chunks[i].owner, chunks[i].index); });
}

FusedStep::FusedStep(FusedDescription description) : layout_(std::make_unique<const Layout>(std::move(description))) {}
FusedStep::~FusedStep() = default;

const FusedDescription& FusedStep::description() const { return layout_->shape.description; }

int64_t FusedStep::packed_numbers() const { return layout_->packed_numbers; }

template <class T>
void FusedStep::pack(const ThetaArguments<T>& theta, T* packed) const {
  std::vector<T> flat(static_cast<size_t>(layout_->stored_numbers + 1));
  for (int64_t m = 0; m < theta.members; ++m)
    layout_->pack(theta, m, flat.data(), packed + m * layout_->packed_numbers);
}

int64_t FusedStep::workspace(int64_t members, int64_t number_size) const {
  return layout_->slots(members) * layout_->slot(number_size).size;
}

template <class T>
void FusedStep::operator()(const StepArguments<T>& arguments, void* workspace, int64_t bytes) const {
  const int64_t size = layout_->slot(sizeof(T)).size;
  char* memory = static_cast<char*>(workspace);
  if (layout_->inside(arguments.members)) {
    const bool parallel = allowed_threads() > 1;
    for (int64_t m = 0; m < arguments.members; ++m) layout_->run(arguments, m, memory, parallel);
    return;
  }
  // Every slot takes one member after another: threads that are slow take fewer.
  const int64_t slots = std::max<int64_t>(1, std::min(bytes / size, arguments.members));
  std::atomic<int64_t> next{0};
  for_each_piece(slots, 1, arguments.members * layout_->shape.total >= kParallelElements, [&](int64_t slot) {
    for (int64_t m = next++; m < arguments.members; m = next++) layout_->run(arguments, m, memory + slot * size, false);
  });
}

template NFOPT_API void FusedStep::pack(const ThetaArguments<float>&, float*) const;
template NFOPT_API void FusedStep::pack(const ThetaArguments<double>&, double*) const;
template NFOPT_API void FusedStep::operator()(const StepArguments<float>&, void*, int64_t) const;
template NFOPT_API void FusedStep::operator()(const StepArguments<double>&, void*, int64_t) const;

}  // namespace nfopt::cpu
