// Derivatives of every layer against central differences along a random direction.

#include <gtest/gtest.h>
#include <nfopt/nflayers/layers/nfn/hnp_linear.h>
#include <nfopt/nflayers/layers/nfn/np_linear.h>
#include <nfopt/nflayers/random/tensor_random.h>
#include <torch/torch.h>

#include <cmath>
#include <functional>

#include "tests/nflayers/layers/layer_zoo.h"
#include "tests/nflayers/spec/described_spaces.h"

namespace nfopt {
namespace {

using namespace testing;
using Tensors = std::vector<at::Tensor>;

// float64
constexpr double kStep = 1e-5, kTolerance = 1e-6;
constexpr double kSmallStep = 1e-7, kSmallStepTolerance = 1e-5;  // where kinks are near

Tensors directions(const Tensors& like, const Rng& rng) {
  Tensors result;
  for (size_t i = 0; i < like.size(); ++i) {
    result.push_back(at::empty_like(like[i]).detach());
    fill_normal(result.back(), rng.index(i), 0, 1);
  }
  return result;
}

at::Tensor inner(const Tensors& a, const Tensors& b) {
  at::Tensor sum = at::zeros({}, at::kDouble);
  for (size_t i = 0; i < a.size(); ++i) {
    const at::Tensor product = a[i] * b[i];
    sum = sum + at::where(product.isfinite(), product, at::zeros_like(product)).sum();  // variance of one entry
  }
  return sum;
}

// d/dt of f at `at` + t * direction.
double slope(const Tensors& at, const Tensors& direction, double step, const std::function<double()>& f) {
  const torch::NoGradGuard guard;
  auto move = [&](double t) {
    for (size_t i = 0; i < at.size(); ++i) at[i].add_(direction[i], t);
  };
  move(step);
  const double up = f();
  move(-2 * step);
  const double down = f();
  move(step);
  return (up - down) / (2 * step);
}

TEST(EveryLayer, DerivativesAgreeWithCentralDifferences) {
  size_t spaces = 0;
  for (const auto& [space_name, tensors] : described_spaces()) {
    // One with kernels, one with diagonals and gates, one with nested labels, one stacked, one tied to a feed-forward net.
    if (space_name != "mlp" && space_name != "cnn" && space_name != "bidirectional_lstm" &&
        space_name != "fused_attention" && space_name != "stacked_experts" && space_name != "group_norm_resnet")
      continue;
    ++spaces;
    const auto space = std::make_shared<const WeightSpace>(tensors);
    for (const ZooLayer& layer : layer_zoo()) {
      if (!layer.takes(*space)) continue;
      auto module = layer.make(space, 4);
      module.ptr()->to(at::kDouble);
      module.ptr()->eval();
      randomize(*module.ptr(), Rng(1));
      Tensors x = random_features(*space, 1, 2, 4, at::kDouble, Rng(2));
      for (at::Tensor& t : x) t.requires_grad_();
      Tensors sources = module.ptr()->parameters();
      sources.insert(sources.end(), x.begin(), x.end());
      auto run = [&] { return layer.invariant ? Tensors{module.forward<at::Tensor>(x)} : module.forward<Tensors>(x); };
      const Tensors y = run(), cotangents = directions(y, Rng(3));
      const Tensors grads = torch::autograd::grad({inner(y, cotangents)}, sources, {}, {}, false, true);
      Tensors known;
      for (size_t i = 0; i < sources.size(); ++i)
        known.push_back(grads[i].defined() ? grads[i] : at::zeros_like(sources[i]));
      const Tensors direction = directions(sources, Rng(4));
      const double expected = slope(sources, direction, layer.kinks ? kSmallStep : kStep,
                                    [&] { return inner(run(), cotangents).item<double>(); });
      EXPECT_NEAR(inner(known, direction).item<double>(), expected,
                  (layer.kinks ? kSmallStepTolerance : kTolerance) * (1 + std::abs(expected)))
          << layer.name << " on " << space_name;
    }
  }
  EXPECT_EQ(spaces, 6u);
}

// A learned optimizer that is meta-trained differentiates twice.
template <class Layer>
void expect_second_derivatives(Layer layer, const WeightSpace& space) {
  layer->to(at::kDouble);
  randomize(*layer, Rng(1));
  Tensors x = random_features(space, 1, 1, 2, at::kDouble, Rng(2));
  for (at::Tensor& t : x) t.requires_grad_();
  Tensors sources = layer->parameters();
  sources.insert(sources.end(), x.begin(), x.end());
  auto gradient = [&] {
    const Tensors y = layer->forward(x);
    at::Tensor s = at::zeros({}, at::kDouble);
    for (const at::Tensor& t : y) s = s + t.pow(3).sum();
    return torch::autograd::grad({s}, sources, {}, true, true);
  };
  const Tensors g = gradient(), along = directions(g, Rng(3)), direction = directions(sources, Rng(4));
  const Tensors second = torch::autograd::grad({inner(g, along)}, sources);
  const double expected = slope(sources, direction, kStep, [&] {
    const torch::AutoGradMode on(true);
    const at::Tensor value = inner(gradient(), along);
    return value.template item<double>();
  });
  EXPECT_NEAR(inner(second, direction).item<double>(), expected, 1e-5 * (1 + std::abs(expected)));
}

TEST(LinearLayers, HaveSecondDerivatives) {
  for (const auto& [name, tensors] : described_spaces()) {
    if (name != "mlp" && name != "cnn") continue;
    const auto space = std::make_shared<const WeightSpace>(tensors);
    expect_second_derivatives(NPLinear(NPLinearOptions(space, 2, 2).io_embed(true)), *space);
    expect_second_derivatives(HNPLinear(HNPLinearOptions(space, 2, 2)), *space);
  }
}

}  // namespace
}  // namespace nfopt
