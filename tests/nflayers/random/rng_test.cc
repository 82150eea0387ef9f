#include <gtest/gtest.h>
#include <nfopt/nflayers/random/philox.h>
#include <nfopt/nflayers/random/rng.h>

#include <algorithm>
#include <cmath>
#include <set>

namespace nfopt {
namespace {

using Block = std::array<uint32_t, 4>;

// The known-answer vectors that come with the authors' implementation (Random123, philox4x32 10).
TEST(Philox, ReproducesThePublishedVectors) {
  EXPECT_EQ(philox4x32({0, 0, 0, 0}, {0, 0}), (Block{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox4x32({~0U, ~0U, ~0U, ~0U}, {~0U, ~0U}), (Block{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (Block{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Rng, DrawsDependOnKeyAndIndexOnly) {
  const Rng a = Rng(7).purpose("init").index(3);
  const Rng b = Rng(7).purpose("init").index(3);
  const double later = a.normal(5);
  a.normal(0);
  EXPECT_EQ(b.normal(5), later);
}

TEST(Rng, PurposesIndicesAndSeedsAreDistinctStreams) {
  std::set<uint64_t> keys;
  for (uint64_t seed : {0, 1, 2}) {
    const Rng root(seed);
    keys.insert(root.key());
    for (const char* purpose : {"", "a", "b", "ab", "shuffle"}) {
      keys.insert(root.purpose(purpose).key());
      for (uint64_t i = 0; i < 50; ++i) keys.insert(root.purpose(purpose).index(i).key());
    }
  }
  EXPECT_EQ(keys.size(), 3U * (1 + 5 * 51));
  EXPECT_NE(Rng(1).purpose("a").purpose("b").key(), Rng(1).purpose("b").purpose("a").key());
}

// Mean and variance of n draws lie within five standard errors of the law's.
TEST(Rng, UniformAndNormalHaveTheirMoments) {
  const Rng rng = Rng(1).purpose("moments");
  const int n = 200000;
  double u1 = 0, u2 = 0, z1 = 0, z2 = 0, z4 = 0;
  for (int i = 0; i < n; ++i) {
    const double u = rng.uniform(i);
    ASSERT_GE(u, 0.0);
    ASSERT_LT(u, 1.0);
    const double z = rng.index(1).normal(i);
    u1 += u, u2 += u * u, z1 += z, z2 += z * z, z4 += z * z * z * z;
  }
  EXPECT_NEAR(u1 / n, 0.5, 5 * std::sqrt(1.0 / 12 / n));
  EXPECT_NEAR(u2 / n, 1.0 / 3, 5 * std::sqrt(4.0 / 45 / n));
  EXPECT_NEAR(z1 / n, 0.0, 5 * std::sqrt(1.0 / n));
  EXPECT_NEAR(z2 / n, 1.0, 5 * std::sqrt(2.0 / n));
  EXPECT_NEAR(z4 / n, 3.0, 5 * std::sqrt(96.0 / n));
}

TEST(Rng, IntegersCoverTheirRangeEvenly) {
  const Rng rng = Rng(2).purpose("integers");
  std::array<int, 10> counts{};
  const int n = 100000;
  for (int i = 0; i < n; ++i) ++counts.at(rng.integer(i, 10));
  for (const int c : counts) EXPECT_NEAR(c, n / 10, 5 * std::sqrt(n * 0.09));
}

TEST(Rng, PermutationsArePermutationsAndUniform) {
  std::array<std::array<int, 4>, 4> where{};
  const int n = 20000;
  for (int i = 0; i < n; ++i) {
    const auto p = Rng(3).index(i).permutation(4);
    ASSERT_EQ(std::set<int64_t>(p.begin(), p.end()), (std::set<int64_t>{0, 1, 2, 3}));
    for (int j = 0; j < 4; ++j) ++where[j][p[j]];
  }
  for (const auto& row : where)
    for (const int c : row) EXPECT_NEAR(c, n / 4, 5 * std::sqrt(n * 3.0 / 16));
  EXPECT_TRUE(Rng(3).permutation(0).empty());
}

}  // namespace
}  // namespace nfopt
