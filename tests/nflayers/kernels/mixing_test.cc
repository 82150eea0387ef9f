#include <gtest/gtest.h>
#include <nfopt/nflayers/kernels/cpu/mixing.h>

#include <set>

#include "tests/nflayers/plan/numbered_spaces.h"

namespace nfopt::cpu {
namespace {

// Element (i, j, k) of the loops, as the slow way finds it.
struct Element {
  std::vector<int64_t> at;
  int64_t row(const LinearMap& map) const {
    for (const auto& [a, b] : map.equal)
      if (at[a] != at[b]) return -1;
    int64_t row = 0;
    for (size_t i = 0; i < at.size(); ++i) row += at[i] * map.strides[i];
    return row;
  }
};

Element element(const std::vector<int64_t>& sizes, int64_t e) {
  Element result{std::vector<int64_t>(sizes.size())};
  for (size_t i = sizes.size(); i-- > 0; e /= sizes[i]) result.at[i] = e % sizes[i];
  return result;
}

TEST(RunWalk, VisitsEveryElementOnceWhereTheMapPutsIt) {
  const std::vector<int64_t> sizes = {3, 4, 4};
  const LinearMap maps[] = {{{16, 4, 1}, {}},      {{0, 0, 1}, {}},       {{1, 0, 0}, {}},
                            {{4, 1, 0}, {{1, 2}}}, {{1, 0, 0}, {{0, 1}}}, {{0, 0, 0}, {{0, 1}, {0, 2}}},
                            {{0, 1, 3}, {}}};
  for (const LinearMap& map : maps) {
    for (const auto& [begin, end] :
         std::vector<std::pair<int64_t, int64_t>>{{0, 48}, {5, 6}, {5, 23}, {47, 48}, {8, 8}}) {
      std::vector<int64_t> rows(48, -1);
      cpu::Run run;
      int64_t elements = 0;
      for (RunWalk walk(sizes, begin, end); walk.next(run);) {
        elements += run.length;
        const auto [from, to] = walk.part(map, run);
        for (int64_t i = from; i < to; ++i) rows[run.element + i] = walk.row(map.strides, run) + i * map.strides.back();
      }
      EXPECT_EQ(elements, end - begin);
      for (int64_t e = 0; e < 48; ++e)
        EXPECT_EQ(rows[e], e >= begin && e < end ? element(sizes, e).row(map) : -1) << "element " << e;
    }
  }
}

TEST(RunWalk, AScalarIsOneRun) {
  const std::vector<int64_t> none;
  cpu::Run run;
  RunWalk walk(none, 0, 1);
  ASSERT_TRUE(walk.next(run));
  EXPECT_EQ(run.length, 1);
  EXPECT_FALSE(walk.next(run));
}

// The reason for the fused step: 32 hidden channels, but a few numbers per parameter in memory.
TEST(Mixing, NoHiddenChannelIsStoredForAllElements) {
  const WeightSpace space = testing::dense_chain({300, 200, 150, 10});
  const auto mixing = unf_mixing(build_plan(space), 32, 1);
  ASSERT_TRUE(mixing.has_value());
  EXPECT_LT(mixing->planes, 1.05 * static_cast<double>(space.parameter_count()));
  EXPECT_LT(mixing->sums * 32, 0.6 * static_cast<double>(space.parameter_count()));
  for (const MixView& view : mixing->views) {
    EXPECT_GE(view.scalars, 1);
    for (const int half : view.halves) EXPECT_LT(mixing->halves[half].rows, std::max<int64_t>(2, view.loops.count));
  }
}

TEST(Mixing, ScalarsPerElementAreOnePerTermThatJoinsWholeTensors) {
  const auto mixing = unf_mixing(
      build_plan(testing::numbered({{"q", {0, 1}, {7, 9}}, {"k", {0, 1}, {7, 9}}, {"back", {1, 0}, {9, 7}}})), 32, 2);
  ASSERT_TRUE(mixing.has_value());
  for (const MixView& view : mixing->views) EXPECT_EQ(view.scalars, 3 * 2);
}

TEST(Mixing, EveryPlaneNumberIsInside) {
  for (const WeightSpace& space :
       {testing::dense_chain({13, 50, 7, 3}), testing::published_transformer(9, 6, 8),
        testing::numbered({{"cube", {0, 0, 0}, {5, 5, 5}}, {"square", {0, 0}, {5, 5}}, {"scalar", {}, {}}})}) {
    const auto mixing = unf_mixing(build_plan(space), 32, 2);
    ASSERT_TRUE(mixing.has_value());
    for (const MixView& view : mixing->views)
      for (const PlaneRead& read : view.reads)
        for (int64_t e = 0; e < view.loops.count; ++e) {
          const int64_t row = element(view.loops.sizes, e).row(read.map);
          EXPECT_LT(read.first + read.plane + row, mixing->planes);
        }
    for (const int32_t source : mixing->packed.source) EXPECT_GE(source, -1);
  }
}

TEST(Mixing, KernelsLargerThanATileHaveNoPath) {
  TensorDescription kernel;
  kernel.name = "stem";
  kernel.shape = {4, 3, 7, 7};
  kernel.axes = "[c, ~rgb, *, *]";
  EXPECT_FALSE(unf_mixing(build_plan(WeightSpace({kernel})), 32, 1).has_value());
  kernel.shape = {4, 3, 5, 5};
  EXPECT_TRUE(unf_mixing(build_plan(WeightSpace({kernel})), 32, 1).has_value());
}

}  // namespace
}  // namespace nfopt::cpu
