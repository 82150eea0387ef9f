// Every layer on every described weight space: what it commutes with, what it is invariant under, what it is meant to tell
// apart, and what becomes of that in other precisions and on other devices.

#include <gtest/gtest.h>
#include <nfopt/nflayers/kernels/cuda/cuda_kernels.h>
#include <nfopt/nflayers/layers/nfn/np_attention.h>
#include <nfopt/nflayers/random/tensor_random.h>
#include <nfopt/nflayers/spec/error.h>
#include <torch/torch.h>

#include <cmath>

#include "tests/nflayers/layers/layer_zoo.h"
#include "tests/nflayers/spec/described_spaces.h"

namespace nfopt {
namespace {

using namespace testing;
using Tensors = std::vector<at::Tensor>;

struct Where {
  const char* name;
  at::Device device;
  at::ScalarType dtype;
  double tolerance;
};

// The first call loads CUDA. LibTorch asks once whether it is there: before any test.
const std::string kWhyNoGpu = cuda_kernels().unavailable();

class EveryLayer : public ::testing::TestWithParam<Where> {
 protected:
  void SetUp() override {
    if (GetParam().device.is_cuda() && !kWhyNoGpu.empty()) GTEST_SKIP() << kWhyNoGpu;
  }
  at::TensorOptions options() const { return at::TensorOptions().device(GetParam().device).dtype(GetParam().dtype); }
};

Tensors run(torch::nn::AnyModule& module, bool invariant, const Tensors& x) {
  return invariant ? Tensors{module.forward<at::Tensor>(x)} : module.forward<Tensors>(x);
}

TEST_P(EveryLayer, HasItsSymmetryOnEveryDescribedSpace) {
  const torch::NoGradGuard guard;
  for (const auto& [space_name, tensors] : described_spaces()) {
    const auto space = std::make_shared<const WeightSpace>(tensors);
    for (const ZooLayer& layer : layer_zoo()) {
      if (!layer.takes(*space)) continue;
      auto module = layer.make(space, 4);
      module.ptr()->to(GetParam().device, GetParam().dtype);
      module.ptr()->eval();
      randomize(*module.ptr(), Rng(1));
      const auto x = random_features(*space, 2, 2, 4, options(), Rng(2));
      for (uint64_t draw = 0; draw < 2; ++draw) {
        const auto g = random_action(*space, layer.symmetry, Rng(draw));
        const Tensors y = run(module, layer.invariant, x);
        EXPECT_LE(largest_difference(layer.invariant ? y : g(y), run(module, layer.invariant, g(x))),
                  GetParam().tolerance)
            << layer.name << " on " << space_name << ", draw " << draw;
      }
    }
  }
}

// A space of each kind: kernels, diagonals and gates, nested labels, stacked tensors.
bool is_sample(const std::string& space) {
  return space == "cnn" || space == "bidirectional_lstm" || space == "fused_attention" || space == "stacked_experts";
}

struct Derivatives {
  Tensors y, grads;  // grads of the parameters, then of the features
};

/// Cotangents are drawn as in `options`, so that another precision can have the same.
Derivatives derivatives(torch::nn::AnyModule& module, bool invariant, Tensors x, at::TensorOptions options) {
  Tensors sources = module.ptr()->parameters();
  for (at::Tensor& t : x) sources.push_back(t.requires_grad_());
  Derivatives result{run(module, invariant, x), {}};
  Tensors cotangents;
  for (size_t i = 0; i < result.y.size(); ++i) {
    at::Tensor drawn = at::empty(result.y[i].sizes(), options);
    fill_normal(drawn, Rng(3).index(i), 0, 1);
    cotangents.push_back(drawn.to(result.y[i].device(), result.y[i].scalar_type()));
  }
  result.grads = torch::autograd::grad(result.y, sources, cotangents, {}, false, /*allow_unused=*/true);
  for (size_t i = 0; i < sources.size(); ++i)
    if (!result.grads[i].defined()) result.grads[i] = at::zeros_like(sources[i]);
  return result;
}

Tensors in_double(const Tensors& x) {
  Tensors result;
  for (const at::Tensor& t : x) result.push_back(t.detach().to(at::kCPU, at::kDouble));
  return result;
}

/// Largest difference over the largest entry of `expected`.
double relative_difference(const Tensors& expected, const Tensors& actual) {
  double largest = 0, scale = 1e-30;
  for (size_t i = 0; i < expected.size(); ++i) {
    const at::Tensor finite = expected[i].isfinite();  // the variance of a single entry is not a number, on both sides
    if (!at::equal(finite, actual[i].isfinite())) return INFINITY;
    const at::Tensor zero = at::zeros_like(expected[i]);
    largest = std::max(largest, at::where(finite, expected[i] - actual[i], zero).abs().max().item<double>());
    scale = std::max(scale, at::where(finite, expected[i], zero).abs().max().item<double>());
  }
  return largest / scale;
}

class LayersInLowPrecision : public EveryLayer {};

TEST_P(LayersInLowPrecision, HaveTheOutputsAndGradientsOfDoublePrecision) {
  for (const auto& [space_name, tensors] : described_spaces()) {
    if (!is_sample(space_name)) continue;
    const auto space = std::make_shared<const WeightSpace>(tensors);
    for (const ZooLayer& layer : layer_zoo()) {
      if (!layer.takes(*space)) continue;
      auto module = layer.make(space, 4), reference = layer.make(space, 4);
      module.ptr()->to(GetParam().device, GetParam().dtype);
      reference.ptr()->to(at::kDouble);
      randomize(*module.ptr(), Rng(1));
      {
        const torch::NoGradGuard guard;
        for (const auto& list : {module.ptr()->named_parameters(), module.ptr()->named_buffers()})
          for (const auto& item : list) item.value().mul_(0.4);  // arguments of sines and softmaxes that bf16 can hold
        for (const auto& item : module.ptr()->named_parameters())
          reference.ptr()->named_parameters()[item.key()].copy_(item.value());
        for (const auto& item : module.ptr()->named_buffers())
          reference.ptr()->named_buffers()[item.key()].copy_(item.value());
      }
      for (auto* m : {&module, &reference}) m->ptr()->eval();
      const Tensors x = random_features(*space, 1, 2, 4, options(), Rng(2));
      const at::TensorOptions drawn = at::TensorOptions().dtype(GetParam().dtype);
      const Derivatives expected = derivatives(reference, layer.invariant, in_double(x), drawn);
      const Derivatives actual = derivatives(module, layer.invariant, x, drawn);
      for (const at::Tensor& t : actual.y) {
        EXPECT_EQ(t.scalar_type(), GetParam().dtype) << layer.name;
        EXPECT_EQ(t.device().type(), GetParam().device.type()) << layer.name;
      }
      EXPECT_LE(relative_difference(in_double(expected.y), in_double(actual.y)), GetParam().tolerance)
          << layer.name << " on " << space_name;
      if (layer.kinks && GetParam().dtype == at::kBFloat16) continue;  // rounding moves entries across the kinks
      EXPECT_LE(relative_difference(in_double(expected.grads), in_double(actual.grads)), GetParam().tolerance)
          << layer.name << " on " << space_name << ", gradients";
    }
  }
}

const Where kCpuBfloat16{"bfloat16", at::kCPU, at::kBFloat16, 1e-1}, kCudaFloat{"float32", at::kCUDA, at::kFloat, 1e-4},
    kCudaBfloat16{"bfloat16", at::kCUDA, at::kBFloat16, 1e-1};
const auto name_of = [](const auto& info) { return info.param.name; };

INSTANTIATE_TEST_SUITE_P(Cpu, EveryLayer,
                         ::testing::Values(Where{"float64", at::kCPU, at::kDouble, 1e-10},
                                           Where{"float32", at::kCPU, at::kFloat, 1e-4}, kCpuBfloat16),
                         name_of);
INSTANTIATE_TEST_SUITE_P(Cuda, EveryLayer, ::testing::Values(kCudaFloat, kCudaBfloat16), name_of);
INSTANTIATE_TEST_SUITE_P(Cpu, LayersInLowPrecision,
                         ::testing::Values(Where{"float32", at::kCPU, at::kFloat, 1e-4}, kCpuBfloat16), name_of);
INSTANTIATE_TEST_SUITE_P(Cuda, LayersInLowPrecision, ::testing::Values(kCudaFloat, kCudaBfloat16), name_of);

// Permuting the classes of an MLP: no symmetry of the network, one of the NP layers only.
TEST(Layers, TellOrderedPositionsApartExactlyWhenTheySaySo) {
  const auto space = std::make_shared<const WeightSpace>(
      std::vector<TensorDescription>{tensor("w0", {5, 3}, "[h, ~in]"), tensor("b0", {5}, "[h]"),
                                     tensor("w1", {4, 5}, "[~out, h]"), tensor("b1", {4}, "[~out]")});
  const auto x = random_features(*space, 1, 1, 4, at::kDouble, Rng(3));
  const auto swap = [](const Tensors& t) { return Tensors{t[0], t[1], t[2].flip(3), t[3].flip(3)}; };
  for (const ZooLayer& layer : layer_zoo()) {
    if (!layer.takes(*space)) continue;
    auto module = layer.make(space, 4);
    module.ptr()->to(at::kDouble);
    module.ptr()->eval();
    randomize(*module.ptr(), Rng(1));
    const Tensors y = run(module, layer.invariant, x);
    const double change = largest_difference(layer.invariant ? y : swap(y), run(module, layer.invariant, swap(x)));
    if (layer.symmetry == Symmetry::layer_group) {
      EXPECT_LE(change, 1e-10) << layer.name;
    } else {
      EXPECT_GT(change, 1e-3) << layer.name;
    }
  }
}

TEST(NPAttention, SharesItsProjectionsOnlyWhereNothingIsFolded) {
  size_t shared = 0;
  for (const auto& [name, tensors] : described_spaces()) {
    const auto space = std::make_shared<const WeightSpace>(tensors);
    bool folded = false;
    for (const LayerView& view : fold_views(*space, Fold::fixed())) folded = folded || view.folded_size > 1;
    const NPAttentionOptions options = NPAttentionOptions(space, 4).num_heads(2);
    if (folded) {
      EXPECT_THROW(NPAttention{options}, Error) << name;
      continue;
    }
    ++shared;
    NPAttention layer(options);
    layer->to(at::kDouble);
    randomize(*layer, Rng(1));
    const auto x = random_features(*space, 1, 1, 4, at::kDouble, Rng(2));
    const auto g = random_action(*space, Symmetry::layer_group, Rng(3));
    EXPECT_LE(largest_difference(g(layer->forward(x)), layer->forward(g(x))), 1e-10) << name;
  }
  EXPECT_GT(shared, 5u);
}

}  // namespace
}  // namespace nfopt
