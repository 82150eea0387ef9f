// Every layer of nfn on every described weight space: what it commutes with, what it is invariant under, and what it is
// meant to tell apart.

#include <gtest/gtest.h>
#include <nfopt/nflayers/layers/nfn/np_attention.h>
#include <nfopt/nflayers/spec/error.h>
#include <torch/torch.h>

#include "tests/nflayers/layers/nfn_layer_zoo.h"
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

class NfnLayers : public ::testing::TestWithParam<Where> {
 protected:
  void SetUp() override {
    if (GetParam().device.is_cuda() && !at::hasCUDA()) GTEST_SKIP() << "no CUDA device";
  }
  at::TensorOptions options() const { return at::TensorOptions().device(GetParam().device).dtype(GetParam().dtype); }
};

Tensors run(torch::nn::AnyModule& module, bool invariant, const Tensors& x) {
  return invariant ? Tensors{module.forward<at::Tensor>(x)} : module.forward<Tensors>(x);
}

TEST_P(NfnLayers, HaveTheirSymmetryOnEveryDescribedSpace) {
  const torch::NoGradGuard guard;
  for (const auto& [space_name, tensors] : described_spaces()) {
    const auto space = std::make_shared<const WeightSpace>(tensors);
    for (const ZooLayer& layer : nfn_layers()) {
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

INSTANTIATE_TEST_SUITE_P(Cpu, NfnLayers,
                         ::testing::Values(Where{"float64", at::kCPU, at::kDouble, 1e-10},
                                           Where{"float32", at::kCPU, at::kFloat, 1e-4}),
                         [](const auto& info) { return info.param.name; });
INSTANTIATE_TEST_SUITE_P(Cuda, NfnLayers, ::testing::Values(Where{"float32", at::kCUDA, at::kFloat, 1e-4}),
                         [](const auto& info) { return info.param.name; });

// Permuting the classes of an MLP: no symmetry of the network, one of the NP layers only.
TEST(NfnLayers, TellOrderedPositionsApartExactlyWhenTheySaySo) {
  const auto space = std::make_shared<const WeightSpace>(
      std::vector<TensorDescription>{tensor("w0", {5, 3}, "[h, ~in]"), tensor("b0", {5}, "[h]"),
                                     tensor("w1", {4, 5}, "[~out, h]"), tensor("b1", {4}, "[~out]")});
  const auto x = random_features(*space, 1, 1, 4, at::kDouble, Rng(3));
  const auto swap = [](const Tensors& t) { return Tensors{t[0], t[1], t[2].flip(3), t[3].flip(3)}; };
  for (const ZooLayer& layer : nfn_layers()) {
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
