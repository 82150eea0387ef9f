#include <gtest/gtest.h>
#include <nfopt/runtime/compare/curve.h>

#include <cmath>

namespace nfopt {
namespace {

Curve every(double distance, const std::vector<double>& values) {
  Curve curve;
  for (size_t i = 0; i < values.size(); ++i) curve.steps.push_back(distance * static_cast<double>(i + 1));
  curve.values = values;
  return curve;
}

TEST(Curve, FirstStepIsThatOfARowAtTheLevelOrBelow) {
  const Curve curve = every(10, {5, 3, 4, 2, 2});
  EXPECT_EQ(curve.first_step_at(3.5), 20);
  EXPECT_EQ(curve.first_step_at(3), 20);
  EXPECT_EQ(curve.first_step_at(2.5), 40);
  EXPECT_EQ(curve.lowest(), 2);
  EXPECT_EQ(curve.step_of_lowest(), 40) << "the first of equal values";
  EXPECT_TRUE(std::isinf(curve.first_step_at(1)));
  EXPECT_TRUE(std::isinf(Curve().lowest()));
}

TEST(Curve, ColumnsKeepOnlyWhatWasMeasured) {
  const Curve curve = curve_of({{0, {NAN, 1.5}}, {7, {2, NAN}}, {10, {1, 0.5}}}, 1);
  EXPECT_EQ(curve.steps, (std::vector<double>{0, 10}));
  EXPECT_EQ(curve.values, (std::vector<double>{1.5, 0.5}));
}

TEST(Smoothing, AveragesOfAConstantAreThatConstant) {
  for (const Smoothing smoothing :
       {Smoothing{Smoothing::Kind::ema, 0.9, 0}, Smoothing{Smoothing::Kind::window, 0, 35}}) {
    const Curve curve = smoothed(every(10, {3, 3, 3, 3, 3, 3}), smoothing);
    for (const double value : curve.values) EXPECT_NEAR(value, 3, 1e-15) << "start-up is corrected";
  }
}

TEST(Smoothing, ExponentialWeightsFollowTheDefinition) {
  const Curve raw{{10, 20, 50}, {4, 2, 1}};
  const Curve curve = smoothed(raw, {Smoothing::Kind::ema, 0.95, 0});
  const auto g = [](double covered, double age) { return (1 - std::pow(0.95, covered)) * std::pow(0.95, age); };
  EXPECT_DOUBLE_EQ(curve.values[0], 4);
  const double a = g(10, 40), b = g(10, 30), c = g(30, 0);
  EXPECT_NEAR(curve.values[2], (4 * a + 2 * b + 1 * c) / (a + b + c), 1e-14);
}

// Logging more often must not change what a smoothed curve says.
TEST(Smoothing, HardlyDependsOnTheDistanceOfTheRows) {
  Curve fine, coarse;
  for (int step = 1; step <= 2000; ++step) {
    const double value = 1 / (1 + 0.01 * step);
    fine.steps.push_back(step);
    fine.values.push_back(value);
  }
  for (int row = 0; row < 200; ++row) {
    double mean = 0;
    for (int i = 0; i < 10; ++i) mean += fine.values[static_cast<size_t>(10 * row + i)] / 10;
    coarse.steps.push_back(10 * (row + 1));
    coarse.values.push_back(mean);
  }
  for (const Smoothing smoothing :
       {Smoothing{Smoothing::Kind::ema, 0.98, 0}, Smoothing{Smoothing::Kind::window, 0, 100}}) {
    const Curve a = smoothed(fine, smoothing), b = smoothed(coarse, smoothing);
    for (size_t row = 20; row < 200; ++row) EXPECT_NEAR(a.values[10 * row + 9] / b.values[row], 1, 0.01);
  }
}

TEST(Smoothing, AWindowEndsAtItsStep) {
  const Curve curve = smoothed(every(10, {8, 4, 2, 0}), {Smoothing::Kind::window, 0, 20});
  EXPECT_EQ(curve.values, (std::vector<double>{8, 6, 3, 1}));
}

TEST(LowerEnvelope, IsTheLowestAtEveryStep) {
  const Curve diverged{{10, 20}, {1, 5}};
  const Curve envelope = lower_envelope({every(10, {4, 3, 3}), diverged, every(10, {2, 4, 1})});
  EXPECT_EQ(envelope.steps, (std::vector<double>{10, 20, 30}));
  EXPECT_EQ(envelope.values, (std::vector<double>{1, 3, 1}));
}

}  // namespace
}  // namespace nfopt
