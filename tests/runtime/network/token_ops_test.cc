#include <nfopt/nflayers/spec/error.h>
#include <nfopt/runtime/network/ops/embedding.h>
#include <nfopt/runtime/network/ops/layer_norm.h>
#include <nfopt/runtime/network/ops/rms_norm.h>

#include "tests/runtime/network/random_tensors.h"

namespace nfopt {
namespace {

using testing::difference;

constexpr double kTolerance = 1e-13;  // float64, cpu

// Not centred: norms have something to subtract.
at::Tensor normal(const std::vector<int64_t>& shape, uint64_t seed) { return testing::normal(shape, seed, 0.3); }

at::Tensor tokens() { return at::tensor({0, 3, 1, 1, 2, 3}, at::kLong).view({2, 3}); }

TEST(Embedding, ReadsEachMembersOwnTable) {
  for (const int64_t members : {1, 3}) {
    const at::Tensor table = normal({members, 4, 5}, 1);
    const at::Tensor own = at::stack(std::vector<at::Tensor>(members, tokens())) + at::arange(members).view({-1, 1, 1});
    for (const at::Tensor& x : {tokens().unsqueeze(0), own.remainder(4)}) {
      const at::Tensor y = ops::embedding(x, table);
      ASSERT_EQ(y.sizes(), (at::IntArrayRef{members, 2, 3, 5}));
      for (int64_t p = 0; p < members; ++p) {
        EXPECT_TRUE(at::equal(y[p], at::embedding(table[p], x[x.size(0) == 1 ? 0 : p])));
      }
    }
  }
}

TEST(Embedding, TakesAnyIntegerType) {
  const at::Tensor table = normal({2, 4, 5}, 1), x = tokens().unsqueeze(0);
  EXPECT_TRUE(at::equal(ops::embedding(x.to(at::kByte), table), ops::embedding(x, table)));
}

TEST(Embedding, GivesEachMemberItsOwnGradient) {
  const at::Tensor table = normal({2, 4, 5}, 1).requires_grad_(), seed = normal({2, 2, 3, 5}, 2);
  (ops::embedding(tokens().unsqueeze(0), table) * seed).sum().backward();
  for (int64_t p = 0; p < 2; ++p) {
    const at::Tensor rows = at::one_hot(tokens().view(-1), 4).to(at::kDouble);
    EXPECT_LT(difference(table.grad()[p], rows.t().mm(seed[p].reshape({6, 5}))), kTolerance);
  }
}

TEST(Embedding, NeverReadsAnotherMembersRows) {
  const at::Tensor table = normal({2, 4, 5}, 1);
  EXPECT_THROW(ops::embedding(at::full({1, 2, 3}, 4, at::kLong), table), Error);
  EXPECT_THROW(ops::embedding(at::full({1, 2, 3}, -1, at::kLong), table), Error);
  EXPECT_THROW(ops::embedding(at::zeros({3, 2, 3}, at::kLong), table), Error);
  EXPECT_THROW(ops::embedding(at::zeros({1, 2, 3}, at::kDouble), table), Error);
}

TEST(LayerNorm, IsTorchsPerMember) {
  const at::Tensor weight = normal({3, 5}, 1), bias = normal({3, 5}, 2);
  for (const int64_t members : {1, 3}) {
    const at::Tensor x = normal({members, 2, 4, 5}, 3);
    const at::Tensor y = ops::layer_norm(x, weight, bias, 1e-3), plain = ops::layer_norm(x, weight);
    for (int64_t p = 0; p < 3; ++p) {
      const at::Tensor own = x[members == 1 ? 0 : p];
      EXPECT_LT(difference(y[p], at::layer_norm(own, {5}, weight[p], bias[p], 1e-3)), kTolerance);
      EXPECT_LT(difference(plain[p], at::layer_norm(own, {5}, weight[p])), kTolerance);
    }
  }
}

TEST(RmsNorm, DividesByTheRootOfTheMeanSquare) {
  const at::Tensor weight = normal({3, 5}, 1), x = normal({3, 2, 4, 5}, 3);
  const at::Tensor y = ops::rms_norm(x, weight, 1e-3);
  for (int64_t p = 0; p < 3; ++p) {
    EXPECT_LT(difference(y[p], at::rms_norm(x[p], {5}, weight[p], 1e-3)), kTolerance);
  }
}

TEST(Norms, RefuseParametersOfAnotherWidth) {
  const at::Tensor x = normal({1, 2, 5}, 1);
  EXPECT_THROW(ops::layer_norm(x, normal({3, 4}, 2)), Error);
  EXPECT_THROW(ops::layer_norm(x, normal({3, 5}, 2), normal({3, 1}, 2)), Error);
  EXPECT_THROW(ops::rms_norm(x, normal({5}, 2)), Error);
  EXPECT_THROW(ops::rms_norm(normal({2, 2, 5}, 1), normal({3, 5}, 2)), Error);
}

}  // namespace
}  // namespace nfopt
