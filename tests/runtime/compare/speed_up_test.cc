#include <gtest/gtest.h>
#include <nfopt/runtime/compare/speed_up.h>

#include <cmath>

namespace nfopt {
namespace {

// 1 / (1 + rate * step), sampled every ten steps
Curve falling(double rate, int64_t steps, double floor = 0) {
  Curve curve;
  for (int64_t step = 10; step <= steps; step += 10) {
    curve.steps.push_back(static_cast<double>(step));
    curve.values.push_back(std::max(floor, 1 / (1 + rate * static_cast<double>(step))));
  }
  return curve;
}

TEST(SpeedUp, IsTheRatioOfTheStepsToTheBaselinesBestLoss) {
  const SpeedUp result = speed_up(falling(0.01, 1000), falling(0.02, 1000), false);
  EXPECT_TRUE(result.reached);
  EXPECT_EQ(result.baseline_steps, 1000);
  EXPECT_EQ(result.steps, 500);
  EXPECT_DOUBLE_EQ(result.ratio, 2);
  EXPECT_DOUBLE_EQ(speed_up(falling(0.01, 1000), falling(0.01, 1000), false).ratio, 1) << "over itself";
}

TEST(SpeedUp, TheBaselinesBestCountsFromItsFirstStep) {
  // The baseline is at its floor from step 200 on.
  const SpeedUp result = speed_up(falling(0.02, 1000, 0.2), falling(0.01, 1000), false);
  EXPECT_EQ(result.baseline_steps, 200);
  EXPECT_DOUBLE_EQ(result.ratio, 0.5);
}

TEST(SpeedUp, ARunThatNeverGetsThereIsBoundedFromAboveAndByOne) {
  const Curve baseline = falling(0.01, 1000);
  const SpeedUp slow = speed_up(baseline, falling(0.005, 1000), false);
  EXPECT_FALSE(slow.reached);
  EXPECT_DOUBLE_EQ(slow.ratio, 0.5) << "at the loss of its own end";
  // Fast to a floor that the baseline passes later: a ratio at that floor would be 2.
  EXPECT_DOUBLE_EQ(speed_up(baseline, falling(0.02, 1000, 0.2), false).ratio, 1);
  EXPECT_DOUBLE_EQ(speed_up(baseline, falling(0.02, 2000, 0.2), false).ratio, 0.5) << "it had twice the steps";
}

TEST(SpeedUp, DivergenceCountsAsNothingUnlessItWasThereBefore) {
  EXPECT_EQ(speed_up(falling(0.01, 1000), falling(0.02, 300), true).ratio, 0);
  EXPECT_DOUBLE_EQ(speed_up(falling(0.01, 1000), falling(0.02, 700), true).ratio, 2);
  EXPECT_EQ(speed_up(falling(0.01, 1000), Curve(), true).ratio, 0);
}

TEST(GeometricBounds, FollowStudentsTOnTheLogarithms) {
  // log values 0, 1, 2: mean 1, deviation 1; t of 97.5 % with two degrees of freedom is 4.302653.
  const Bounds bounds = geometric_bounds({1, std::exp(1.0), std::exp(2.0)}, 0.95);
  EXPECT_NEAR(std::log(bounds.mean), 1, 1e-12);
  EXPECT_NEAR(std::log(bounds.low), 1 - 4.302652729911275 / std::sqrt(3.0), 1e-9);
  EXPECT_NEAR(std::log(bounds.high), 1 + 4.302652729911275 / std::sqrt(3.0), 1e-9);
}

TEST(GeometricBounds, OfOneValueHaveNoIntervalAndAZeroIsNotHidden) {
  const Bounds one = geometric_bounds({1.5}, 0.95);
  EXPECT_DOUBLE_EQ(one.mean, 1.5);
  EXPECT_TRUE(std::isnan(one.low));
  const Bounds zero = geometric_bounds({1.5, 0}, 0.95);
  EXPECT_EQ(zero.mean, 0);
  EXPECT_EQ(zero.low, 0);
  EXPECT_TRUE(std::isnan(geometric_bounds({}, 0.95).mean));
}

}  // namespace
}  // namespace nfopt
