#include <gtest/gtest.h>
#include <nfopt/nflayers/spec/error.h>
#include <nfopt/runtime/network/initialization.h>
#include <torch/types.h>

#include <cmath>

namespace nfopt {
namespace {

constexpr int64_t kOut = 120, kIn = 150;

WeightSpacePtr space() {
  std::vector<TensorDescription> tensors(2);
  tensors[0].name = "weight";
  tensors[0].axes = "[h=" + std::to_string(kOut) + ", ~in=" + std::to_string(kIn) + "]";
  tensors[1].name = "bias";
  tensors[1].role = Role::bias;
  tensors[1].axes = "[h]";
  return std::make_shared<const WeightSpace>(tensors);
}

at::Tensor drawn(const std::string& scheme, int64_t members = 1) {
  Members w = Members::zeros(space(), members, at::kDouble);
  initialize_weight(w, "weight", scheme, Rng(7));
  return w["weight"];
}

// 18,000 draws: the standard error of a deviation is about 0.5 percent.
void expect_deviation(const std::string& scheme, double expected) {
  EXPECT_NEAR(drawn(scheme).std().item<double>() / expected, 1.0, 0.03) << scheme;
}

TEST(Initialization, HasTheVarianceItsNamePromises) {
  expect_deviation("pytorch", 1 / std::sqrt(3.0 * kIn));
  expect_deviation("lecun_normal", 1 / std::sqrt(1.0 * kIn));
  expect_deviation("haiku", 0.87962566 / std::sqrt(1.0 * kIn));
  expect_deviation("he_normal", std::sqrt(2.0 / kIn));
  expect_deviation("he_uniform", std::sqrt(2.0 / kIn));
  expect_deviation("xavier_normal", std::sqrt(2.0 / (kIn + kOut)));
  expect_deviation("xavier_uniform", std::sqrt(2.0 / (kIn + kOut)));
  EXPECT_EQ(drawn("zeros").abs().max().item<double>(), 0.0);
}

TEST(Initialization, StaysInsideItsBounds) {
  EXPECT_LE(drawn("pytorch").abs().max().item<double>(), 1 / std::sqrt(1.0 * kIn));
  EXPECT_LE(drawn("haiku").abs().max().item<double>(), 2 / std::sqrt(1.0 * kIn));
}

TEST(Initialization, OrthogonalRowsAreOrthonormal) {
  const at::Tensor w = drawn("orthogonal")[0];  // 120 x 150: rows
  EXPECT_LT((w.mm(w.t()) - at::eye(kOut, at::kDouble)).abs().max().item<double>(), 1e-12);
}

TEST(Initialization, DependsOnTheMemberAndNotOnTheirNumber) {
  const at::Tensor one = drawn("he_normal", 1), three = drawn("he_normal", 3);
  EXPECT_TRUE(at::equal(one[0], three[0]));
  EXPECT_FALSE(at::equal(three[0], three[1]));
}

TEST(Initialization, DependsOnTheFullName) {
  std::vector<TensorDescription> tensors(2);
  tensors[0].name = "a.weight";
  tensors[1].name = "b.weight";
  tensors[0].axes = tensors[1].axes = "[h=4, ~in=3]";
  Members w = Members::zeros(std::make_shared<const WeightSpace>(tensors), 1, at::kDouble);
  for (const char* scope : {"a.", "b."}) {
    Members own = w.scope(scope);
    initialize_weight(own, "weight", "pytorch", Rng(7));
  }
  EXPECT_FALSE(at::equal(w["a.weight"], w["b.weight"]));
}

TEST(Initialization, BiasFollowsTheScheme) {
  Members w = Members::zeros(space(), 1, at::kDouble);
  initialize_bias(w, "bias", "pytorch", 4, Rng(7));
  EXPECT_GT(w["bias"].abs().max().item<double>(), 0.4);
  EXPECT_LE(w["bias"].abs().max().item<double>(), 0.5);
  initialize_bias(w, "bias", "he_normal", 4, Rng(7));
  EXPECT_EQ(w["bias"].abs().max().item<double>(), 0.0);
}

TEST(Initialization, RefusesAnotherNameAndAVector) {
  EXPECT_THROW(drawn("xaver"), Error);
  Members w = Members::zeros(space(), 1, at::kDouble);
  EXPECT_THROW(initialize_weight(w, "bias", "pytorch", Rng(7)), Error);
  EXPECT_THROW(initialize_bias(w, "bias", "xaver", 4, Rng(7)), Error);
}

}  // namespace
}  // namespace nfopt
