#include <nfopt/nflayers/kernels/cpu/instruction_sets.h>
#include <nfopt/runtime/tasks/mlp_kernel.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

// This file once per instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "nfopt/runtime/tasks/mlp_kernel.cc"
// clang-format off
#include <hwy/foreach_target.h>  // before all that is compiled once per instruction set
#include <hwy/aligned_allocator.h>
#include <hwy/highway.h>
#include <hwy/contrib/math/math-inl.h>
#include <nfopt/nflayers/kernels/cpu/leading_lanes-inl.h>
#include <nfopt/runtime/tasks/mlp_products-inl.h>
// clang-format on

#ifndef NFOPT_RUNTIME_TASKS_MLP_KERNEL_BUFFERS
#define NFOPT_RUNTIME_TASKS_MLP_KERNEL_BUFFERS
namespace nfopt {

inline constexpr int64_t kFeaturePad = 16;  // whole vectors of every instruction set
inline int64_t padded(int64_t features) { return (features + kFeaturePad - 1) / kFeaturePad * kFeaturePad; }

/// One layer: sizes and what it keeps between the passes, rows padded to whole vectors.
template <class T>
struct MlpLayer {
  int64_t in = 0, out = 0, in_step = 0, out_step = 0;
  hwy::AlignedFreeUniquePtr<T[]> columns;  ///< W transposed, [in, out_step]
  hwy::AlignedFreeUniquePtr<T[]> bias;     ///< [out_step]
  hwy::AlignedFreeUniquePtr<T[]> rows;     ///< W, [out, in_step]; null where W itself has whole vectors
  hwy::AlignedFreeUniquePtr<T[]> outputs;  ///< [B, out_step]; of the last layer: logits, then d loss / d logits
  hwy::AlignedFreeUniquePtr<T[]> deltas;   ///< d loss / d (W h + b), [B, out_step]; of the last layer: null
};

template <class T>
struct MlpKernelBuffers {
  MlpActivation activation = MlpActivation::identity;
  int64_t batch = 0;
  std::vector<MlpLayer<T>> layers;
  hwy::AlignedFreeUniquePtr<T[]> inputs;  ///< [B, in_step]; null where the batch has whole vectors
  hwy::AlignedFreeUniquePtr<T[]> sums;    ///< [2, padded(B)]: sum of exponentials, logit of the label
};

template <class T>
struct MlpKernel<T>::Buffers : MlpKernelBuffers<T> {};

}  // namespace nfopt
#endif

HWY_BEFORE_NAMESPACE();
namespace nfopt::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using cpu::HWY_NAMESPACE::store_leading;

/// f(x, y) for all numbers of two buffers of whole vectors, written to y.
template <class T, class F>
HWY_INLINE void for_each_vector(const T* HWY_RESTRICT x, T* HWY_RESTRICT y, size_t count, const F& f) {
  const hn::ScalableTag<T> d;
  for (size_t i = 0; i < count; i += hn::Lanes(d)) hn::Store(f(hn::Load(d, x + i), hn::Load(d, y + i)), d, y + i);
}

template <class T>
void activate(MlpActivation activation, T* h, size_t count) {
  const hn::ScalableTag<T> d;
  const auto zero = hn::Zero(d);
  for (size_t i = 0; i < count; i += hn::Lanes(d)) {
    const auto x = hn::Load(d, h + i);
    // What is not a number is not below 0 and stays.
    if (activation == MlpActivation::relu) hn::Store(hn::IfThenZeroElse(hn::Lt(x, zero), x), d, h + i);
    if (activation == MlpActivation::tanh) hn::Store(hn::Tanh(d, x), d, h + i);
  }
}

/// delta *= act'(.), from h = act(.).
template <class T>
void differentiate(MlpActivation activation, const T* h, T* delta, size_t count) {
  const hn::ScalableTag<T> d;
  const auto zero = hn::Zero(d), one = hn::Set(d, T(1));
  if (activation == MlpActivation::relu)
    for_each_vector(h, delta, count,
                    [&](auto y, auto e) NFOPT_LAMBDA { return hn::IfThenElseZero(hn::Gt(y, zero), e); });
  if (activation == MlpActivation::tanh)
    for_each_vector(h, delta, count, [&](auto y, auto e) NFOPT_LAMBDA { return hn::Mul(e, hn::NegMulAdd(y, y, one)); });
}

/// Mean cross entropy of logits z [batch, step]; z becomes its derivative. Numbers beyond the classes are so small that
/// their exponentials are 0. NaN where a logit is not finite. sums [2, padded(batch)] is scratch.
template <class T>
T cross_entropy(const int64_t* labels, size_t batch, size_t step, T* z, T* sums) {
  const hn::ScalableTag<T> d;
  const size_t lanes = hn::Lanes(d);
  T* chosen = sums + padded(static_cast<int64_t>(batch));
  // Sums first, their quotients and logarithms a vector at a time, then the derivative: no row waits for its own sum.
  auto finite = hn::Eq(hn::Zero(d), hn::Zero(d));
  for (size_t b = 0; b < batch; ++b) {
    T* row = z + b * step;
    auto top = hn::Load(d, row);
    for (size_t c = lanes; c < step; c += lanes) top = hn::Max(top, hn::Load(d, row + c));
    const auto largest = hn::MaxOfLanes(d, top);
    chosen[b] = row[labels[b]] - hn::GetLane(largest);
    auto sum = hn::Zero(d);
    for (size_t c = 0; c < step; c += lanes) {
      const auto logit = hn::Load(d, row + c);
      finite = hn::And(finite, hn::IsFinite(logit));
      const auto power = hn::Exp(d, hn::Sub(logit, largest));
      sum = hn::Add(sum, power);
      hn::Store(power, d, row + c);
    }
    sums[b] = hn::GetLane(hn::SumOfLanes(d, sum));
  }
  if (!hn::AllTrue(d, finite)) return std::numeric_limits<T>::quiet_NaN();
  const T share = T(1) / static_cast<T>(batch);
  double total = 0;
  for (size_t first = 0; first < batch; first += lanes) {
    HWY_ALIGN T losses[HWY_LANES(T)], scales[HWY_LANES(T)];
    const auto sum = hn::Load(d, sums + first);
    hn::Store(hn::Sub(hn::Log(d, sum), hn::Load(d, chosen + first)), d, losses);
    hn::Store(hn::Div(hn::Set(d, share), sum), d, scales);
    for (size_t b = first; b < std::min(batch, first + lanes); ++b) {
      total += static_cast<double>(losses[b - first]);
      T* row = z + b * step;
      const auto scale = hn::Set(d, scales[b - first]);
      for (size_t c = 0; c < step; c += lanes) hn::Store(hn::Mul(scale, hn::Load(d, row + c)), d, row + c);
      row[labels[b]] -= share;
    }
  }
  return static_cast<T>(total / static_cast<double>(batch));
}

/// from [rows, columns] -> to [rows, step], the rest of a row untouched.
template <class T>
const T* with_step(const T* from, size_t rows, size_t columns, size_t step, T* to) {
  if (to == nullptr) return from;
  for (size_t r = 0; r < rows; ++r) std::copy(from + r * columns, from + (r + 1) * columns, to + r * step);
  return to;
}

template <class T>
void pack(const MlpMember<T>& member, size_t l, MlpLayer<T>& layer) {
  const T* w = member.weights[l];
  for (int64_t i = 0; i < layer.in; ++i)
    for (int64_t o = 0; o < layer.out; ++o) layer.columns[i * layer.out_step + o] = w[o * layer.in + i];
  if (member.biases[l] != nullptr) std::copy(member.biases[l], member.biases[l] + layer.out, layer.bias.get());
}

template <class T>
void backward(const MlpMember<T>& member, const T* inputs, MlpKernelBuffers<T>& buffers) {
  const hn::ScalableTag<T> d;
  const auto batch = static_cast<size_t>(buffers.batch);
  for (size_t l = buffers.layers.size(); l-- > 0;) {
    MlpLayer<T>& layer = buffers.layers[l];
    const bool last = l + 1 == buffers.layers.size();
    const auto in = static_cast<size_t>(layer.in), out = static_cast<size_t>(layer.out);
    const Rows<const T> delta{last ? layer.outputs.get() : layer.deltas.get(), static_cast<size_t>(layer.out_step)};
    const Rows<const T> below{l == 0 ? inputs : buffers.layers[l - 1].outputs.get(),
                              static_cast<size_t>(layer.in_step)};
    outer(delta, out, below, batch, in, Rows<T>{member.weight_gradients[l], in});
    if (member.bias_gradients[l] != nullptr) {
      for (size_t o = 0; o < out; o += hn::Lanes(d)) {
        auto sum = hn::Zero(d);
        for (size_t b = 0; b < batch; ++b) sum = hn::Add(sum, hn::Load(d, delta.at(b, o)));
        store_leading(d, sum, std::min(hn::Lanes(d), out - o), member.bias_gradients[l] + o);
      }
    }
    if (l == 0) continue;
    MlpLayer<T>& under = buffers.layers[l - 1];
    const T* w = with_step(member.weights[l], out, in, static_cast<size_t>(layer.in_step), layer.rows.get());
    product(delta, batch, out, Rows<const T>{w, static_cast<size_t>(layer.in_step)}, static_cast<const T*>(nullptr),
            static_cast<size_t>(layer.in_step), Rows<T>{under.deltas.get(), static_cast<size_t>(layer.in_step)});
    differentiate(buffers.activation, under.outputs.get(), under.deltas.get(), batch * layer.in_step);
  }
}

template <class T>
T run(const MlpMember<T>& member, MlpKernelBuffers<T>& buffers) {
  const auto batch = static_cast<size_t>(buffers.batch);
  MlpLayer<T>& first = buffers.layers.front();
  const T* inputs = with_step(member.inputs, batch, static_cast<size_t>(first.in), static_cast<size_t>(first.in_step),
                              buffers.inputs.get());
  const T* x = inputs;
  for (size_t l = 0; l < buffers.layers.size(); ++l) {
    MlpLayer<T>& layer = buffers.layers[l];
    pack(member, l, layer);
    const auto step = static_cast<size_t>(layer.out_step);
    product(Rows<const T>{x, static_cast<size_t>(layer.in_step)}, batch, static_cast<size_t>(layer.in),
            Rows<const T>{layer.columns.get(), step}, static_cast<const T*>(layer.bias.get()), step,
            Rows<T>{layer.outputs.get(), step});
    if (l + 1 < buffers.layers.size()) activate(buffers.activation, layer.outputs.get(), batch * step);
    x = layer.outputs.get();
  }
  MlpLayer<T>& last = buffers.layers.back();
  const T loss =
      cross_entropy(member.labels, batch, static_cast<size_t>(last.out_step), last.outputs.get(), buffers.sums.get());
  backward(member, inputs, buffers);
  return loss;
}

float run_float(const MlpMember<float>& member, MlpKernelBuffers<float>& buffers) { return run(member, buffers); }
double run_double(const MlpMember<double>& member, MlpKernelBuffers<double>& buffers) { return run(member, buffers); }

}  // namespace nfopt::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace nfopt {
namespace {

HWY_EXPORT(run_float);
HWY_EXPORT(run_double);

float dispatch(const MlpMember<float>& member, MlpKernelBuffers<float>& buffers) {
  return HWY_DYNAMIC_DISPATCH(run_float)(member, buffers);
}
double dispatch(const MlpMember<double>& member, MlpKernelBuffers<double>& buffers) {
  return HWY_DYNAMIC_DISPATCH(run_double)(member, buffers);
}

template <class T>
hwy::AlignedFreeUniquePtr<T[]> filled(int64_t count, T value) {
  auto numbers = hwy::AllocateAligned<T>(static_cast<size_t>(count));
  std::fill(numbers.get(), numbers.get() + count, value);
  return numbers;
}

}  // namespace

template <class T>
MlpKernel<T>::MlpKernel(std::vector<int64_t> widths, MlpActivation activation, int64_t batch)
    : buffers_(std::make_unique<Buffers>()) {
  buffers_->activation = activation;
  buffers_->batch = batch;
  for (size_t l = 0; l + 1 < widths.size(); ++l) {
    MlpLayer<T> layer;
    const bool last = l + 2 == widths.size();
    layer.in = widths[l];
    layer.out = widths[l + 1];
    layer.in_step = padded(layer.in);
    layer.out_step = padded(layer.out);
    layer.columns = filled(layer.in * layer.out_step, T(0));
    layer.bias = filled(layer.out_step, T(0));
    if (last) std::fill(layer.bias.get() + layer.out, layer.bias.get() + layer.out_step, T(-1e30));
    if (layer.in != layer.in_step) layer.rows = filled(layer.out * layer.in_step, T(0));
    layer.outputs = filled(batch * layer.out_step, T(0));
    if (!last) layer.deltas = filled(batch * layer.out_step, T(0));
    buffers_->layers.push_back(std::move(layer));
  }
  const MlpLayer<T>& first = buffers_->layers.front();
  if (first.in != first.in_step) buffers_->inputs = filled(batch * first.in_step, T(0));
  buffers_->sums = filled(2 * padded(batch), T(1));
}

template <class T>
MlpKernel<T>::~MlpKernel() = default;

template <class T>
T MlpKernel<T>::operator()(const MlpMember<T>& member) {
  const T loss = dispatch(member, *buffers_);
  if (std::isnan(loss)) {
    for (size_t l = 0; l < buffers_->layers.size(); ++l) {
      const MlpLayer<T>& layer = buffers_->layers[l];
      std::fill(member.weight_gradients[l], member.weight_gradients[l] + layer.in * layer.out, loss);
      if (member.bias_gradients[l] != nullptr)
        std::fill(member.bias_gradients[l], member.bias_gradients[l] + layer.out, loss);
    }
  }
  return loss;
}

template class MlpKernel<float>;
template class MlpKernel<double>;

}  // namespace nfopt
#endif
