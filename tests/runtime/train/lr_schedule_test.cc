#include <gtest/gtest.h>
#include <nfopt/runtime/train/lr_schedule.h>

namespace nfopt {
namespace {

TEST(LrSchedule, ConstantIsOne) {
  EXPECT_FALSE(LrSchedule{}.varies());
  for (const int64_t step : {0, 5, 100}) EXPECT_EQ(lr_factor({}, step, 10), 1.0);
}

TEST(LrSchedule, WarmUpRisesLinearlyAndIsFullAtItsLastStep) {
  const LrSchedule schedule{LrSchedule::Decay::constant, 4};
  EXPECT_TRUE(schedule.varies());
  EXPECT_EQ(lr_factor(schedule, 0, 100), 0.25);
  EXPECT_EQ(lr_factor(schedule, 1, 100), 0.5);
  EXPECT_EQ(lr_factor(schedule, 3, 100), 1.0);
  EXPECT_EQ(lr_factor(schedule, 99, 100), 1.0);
}

TEST(LrSchedule, CosineFallsFromOneToZeroAfterTheWarmUp) {
  const LrSchedule schedule{LrSchedule::Decay::cosine, 10};
  EXPECT_EQ(lr_factor(schedule, 9, 110), 1.0);
  EXPECT_EQ(lr_factor(schedule, 10, 110), 1.0);
  EXPECT_NEAR(lr_factor(schedule, 60, 110), 0.5, 1e-15);
  EXPECT_NEAR(lr_factor(schedule, 110, 110), 0.0, 1e-15);
  EXPECT_NEAR(lr_factor(schedule, 5000, 110), 0.0, 1e-15) << "steps beyond the last";
  for (int64_t step = 10; step < 109; ++step)
    EXPECT_GT(lr_factor(schedule, step, 110), lr_factor(schedule, step + 1, 110));
  EXPECT_EQ(lr_factor({LrSchedule::Decay::cosine, 50}, 49, 20), 1.0) << "a warm-up longer than the run";
}

}  // namespace
}  // namespace nfopt
