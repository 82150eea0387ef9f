#include <nfopt/nflayers/spec/error.h>
#include <nfopt/runtime/network/ops/attention.h>
#include <nfopt/runtime/network/ops/rotary.h>

#include <cmath>

#include "tests/runtime/network/random_tensors.h"

namespace nfopt {
namespace {

using ops::Visible;
using testing::difference;
using testing::normal;

constexpr double kTolerance = 1e-13;  // float64, cpu

TEST(Attention, IsTorchsWithAndWithoutGroups) {
  for (const int64_t groups : {1, 2, 4}) {
    const at::Tensor q = normal({2, 3, 4, 5, 6}, 1), k = normal({2, 3, groups, 5, 6}, 2),
                     v = normal({2, 3, groups, 5, 7}, 3);
    const at::Tensor keys = k.repeat_interleave(4 / groups, 2), values = v.repeat_interleave(4 / groups, 2);
    for (const bool causal : {false, true}) {
      const at::Tensor y = ops::attention(q, k, v, causal ? Visible::past : Visible::all);
      EXPECT_LT(difference(y, at::scaled_dot_product_attention(q, keys, values, {}, 0.0, causal)), kTolerance);
    }
  }
}

TEST(Attention, DoesNotSeeTheFuture) {
  const at::Tensor q = normal({1, 1, 2, 5, 4}, 1), k = normal({1, 1, 2, 5, 4}, 2), v = normal({1, 1, 2, 5, 3}, 3);
  at::Tensor other = v.clone();
  other.select(3, 4).fill_(9);
  const at::Tensor y = ops::attention(q, k, v, Visible::past), z = ops::attention(q, k, other, Visible::past);
  EXPECT_EQ(difference(y.narrow(3, 0, 4), z.narrow(3, 0, 4)), 0.0);
  EXPECT_GT(difference(y.select(3, 4), z.select(3, 4)), 1e-2);
}

// Learned optimizers are trained through the gradients of a network.
TEST(Attention, HasASecondDerivative) {
  const at::Tensor q = normal({1, 2, 2, 3, 4}, 1).requires_grad_(), k = normal({1, 2, 1, 3, 4}, 2),
                   v = normal({1, 2, 1, 3, 2}, 3);
  const auto slope = [&](const at::Tensor& at) {
    return torch::autograd::grad({ops::attention(at, k, v, Visible::past).square().sum()}, {at}, {}, true, true)[0];
  };
  const at::Tensor direction = normal({1, 2, 2, 3, 4}, 4);
  const at::Tensor curvature = torch::autograd::grad({(slope(q) * direction).sum()}, {q})[0];
  const double step = 1e-5;
  const at::Tensor ahead = (q.detach() + direction * step).requires_grad_(),
                   behind = (q.detach() - direction * step).requires_grad_();
  EXPECT_LT(difference(curvature, (slope(ahead) - slope(behind)) / (2 * step)), 1e-8);
}

TEST(Attention, SaysWhichShapesDisagree) {
  const at::Tensor q = normal({1, 2, 4, 5, 6}, 1);
  const auto like = [](std::vector<int64_t> shape) { return normal(std::move(shape), 2); };
  EXPECT_THROW(ops::attention(q, like({1, 2, 3, 5, 6}), like({1, 2, 3, 5, 6}), Visible::all), Error);
  EXPECT_THROW(ops::attention(q, like({1, 2, 2, 5, 4}), like({1, 2, 2, 5, 6}), Visible::all), Error);
  EXPECT_THROW(ops::attention(q, like({1, 2, 2, 4, 6}), like({1, 2, 2, 4, 6}), Visible::past), Error);
  EXPECT_NO_THROW(ops::attention(q, like({1, 2, 2, 4, 6}), like({1, 2, 2, 4, 6}), Visible::all));
}

TEST(Heads, SplittingIsUndoneByJoining) {
  const at::Tensor x = normal({2, 3, 5, 12}, 1);
  EXPECT_EQ(ops::split_heads(x, 4).sizes(), (at::IntArrayRef{2, 3, 4, 5, 3}));
  EXPECT_TRUE(at::equal(ops::split_heads(x, 4).select(2, 1), x.narrow(-1, 3, 3)));
  EXPECT_TRUE(at::equal(ops::join_heads(ops::split_heads(x, 4)), x));
}

TEST(Rotary, TurnsPairsByTheirOwnAngle) {
  const at::Tensor x = normal({2, 7, 6}, 1), y = ops::rotary(x, 100.0);
  for (int64_t t = 0; t < 7; ++t) {
    for (int64_t i = 0; i < 3; ++i) {
      const double angle = static_cast<double>(t) * std::pow(100.0, -2.0 * static_cast<double>(i) / 6.0);
      const double a = x[1][t][i].item<double>(), b = x[1][t][i + 3].item<double>();
      EXPECT_NEAR(y[1][t][i].item<double>(), a * std::cos(angle) - b * std::sin(angle), kTolerance);
      EXPECT_NEAR(y[1][t][i + 3].item<double>(), b * std::cos(angle) + a * std::sin(angle), kTolerance);
    }
  }
}

TEST(Rotary, ProductsDependOnTheDistanceOnly) {
  const at::Tensor q = ops::rotary(normal({1, 4}, 1).expand({8, 4})), k = ops::rotary(normal({1, 4}, 2).expand({8, 4}));
  const at::Tensor products = q.mm(k.t());
  for (const int64_t distance : {-3, 0, 2}) {
    const at::Tensor same = products.diagonal(distance);
    EXPECT_LT((same - same[0]).abs().max().item<double>(), kTolerance);
  }
  EXPECT_THROW(ops::rotary(normal({2, 5}, 1)), Error);
}

}  // namespace
}  // namespace nfopt
