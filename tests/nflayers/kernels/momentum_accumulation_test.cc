#include <gtest/gtest.h>
#include <nfopt/nflayers/kernels/aten/momentum_accumulation.h>
#include <nfopt/nflayers/spec/error.h>
#include <torch/types.h>

#include <cmath>
#include <limits>

#include "tests/nflayers/kernels/momentum_problem.h"

namespace nfopt {
namespace {

TEST(MomentumAccumulation, IsTheDefinitionElementByElement) {
  const double clip = 1;
  const MomentumProblem in = momentum_problem(2, {{3, 4}, {}, {0, 5}, {7}}, at::kDouble);
  const AccumulatedMomenta out = aten::accumulate_momenta(in.params, in.grads, in.momenta, kDecays, clip);
  ASSERT_EQ(out.sums_of_squares.sizes(), (std::vector<int64_t>{2, 4}));
  const auto square = [&](double x) { return std::pow(std::min(std::max(x, -clip), clip), 2); };
  for (int64_t member = 0; member < 2; ++member) {
    int64_t offset = 0;
    for (size_t t = 0; t < in.params.size(); ++t) {
      const at::Tensor p = in.params[t][member].flatten();
      const at::Tensor g = in.grads[t][member].flatten();
      double sum = 0;
      for (int64_t i = 0; i < p.numel(); ++i, ++offset) {
        sum += square(p[i].item<double>()) + square(g[i].item<double>());
        for (size_t k = 0; k < kDecays.size(); ++k) {
          const auto row = static_cast<int64_t>(k);
          const double m =
              kDecays[k] * in.momenta[member][row][offset].item<double>() + (1 - kDecays[k]) * g[i].item<double>();
          EXPECT_NEAR(out.momenta[member][row][offset].item<double>(), m, 1e-14);
          sum += square(m);
        }
      }
      EXPECT_NEAR(out.sums_of_squares[member][static_cast<int64_t>(t)].item<double>(), sum, 1e-12);
    }
  }
}

TEST(MomentumAccumulation, LetsNotANumberThroughToItsTensorAlone) {
  MomentumProblem in = momentum_problem(1, {{3}, {4}}, at::kFloat);
  in.grads[0][0][1] = std::numeric_limits<float>::quiet_NaN();
  const at::Tensor sums = aten::accumulate_momenta(in.params, in.grads, in.momenta, kDecays, 1).sums_of_squares;
  EXPECT_TRUE(std::isnan(sums[0][0].item<float>()));
  EXPECT_TRUE(std::isfinite(sums[0][1].item<float>()));
}

TEST(MomentumAccumulation, ReadsBfloat16IntoAFloatState) {
  MomentumProblem in = momentum_problem(1, {{5, 3}}, at::kFloat);
  const at::Tensor p = in.params[0].to(at::kBFloat16);
  const at::Tensor g = in.grads[0].to(at::kBFloat16);
  const double infinity = std::numeric_limits<double>::infinity();
  const auto half = aten::accumulate_momenta({p}, {g}, in.momenta, kDecays, infinity);
  const auto whole = aten::accumulate_momenta({p.to(at::kFloat)}, {g.to(at::kFloat)}, in.momenta, kDecays, infinity);
  EXPECT_EQ(half.momenta.scalar_type(), at::kFloat);
  EXPECT_TRUE(at::equal(half.momenta, whole.momenta));
  EXPECT_TRUE(at::equal(half.sums_of_squares, whole.sums_of_squares));
}

TEST(MomentumAccumulation, ListsEverythingThatDoesNotFit) {
  MomentumProblem in = momentum_problem(2, {{3}, {4}}, at::kFloat);
  const auto message = [&](auto change, const std::vector<double>& decays, double clip) -> std::string {
    MomentumProblem changed = {in.params, in.grads, in.momenta};
    change(changed);
    try {
      aten::accumulate_momenta(changed.params, changed.grads, changed.momenta, decays, clip);
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  };
  const auto expect = [&](const std::string& text, const std::string& part) {
    EXPECT_NE(text.find(part), std::string::npos) << text;
  };
  const auto nothing = [](MomentumProblem&) {};
  const std::string both = message(
      [](MomentumProblem& p) {
        p.params[0] = p.params[0].to(at::kLong);
        p.grads[1] = at::Tensor();
      },
      kDecays, 1);
  expect(both, "parameter 0: Long [2, 3] on cpu");
  expect(both, "gradient 1: an undefined tensor");
  expect(message([](MomentumProblem& p) { p.grads.pop_back(); }, kDecays, 1), "2 parameters and 1 gradients");
  expect(message([](MomentumProblem& p) { p.momenta = p.momenta.narrow(2, 0, 6); }, kDecays, 1), "7 elements");
  expect(message([](MomentumProblem& p) { p.momenta = p.momenta[0]; }, kDecays, 1), "a state [P, K, N]");
  expect(message(nothing, {0.9}, 1), "the 1 decays");
  expect(message(nothing, kDecays, std::nan("")), "positive clip");
}

}  // namespace
}  // namespace nfopt
