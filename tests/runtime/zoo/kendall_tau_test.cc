#include <gtest/gtest.h>
#include <nfopt/nflayers/random/rng.h>
#include <nfopt/runtime/zoo/kendall_tau.h>

#include <cmath>

#include "tests/errors.h"

namespace nfopt {
namespace {

// The definition, pair by pair.
double by_pairs(const std::vector<double>& x, const std::vector<double>& y) {
  double difference = 0, untied_x = 0, untied_y = 0;
  const auto sign = [](double v) { return v > 0 ? 1.0 : v < 0 ? -1.0 : 0.0; };
  for (size_t i = 0; i < x.size(); ++i)
    for (size_t j = 0; j < i; ++j) {
      const double a = sign(x[i] - x[j]), b = sign(y[i] - y[j]);
      difference += a * b;
      untied_x += a * a;
      untied_y += b * b;
    }
  return difference / std::sqrt(untied_x * untied_y);
}

TEST(KendallTau, IsOneForEqualOrderAndMinusOneForTheOpposite) {
  EXPECT_DOUBLE_EQ(kendall_tau({1, 2, 3, 4}, {10, 20, 30, 40}), 1);
  EXPECT_DOUBLE_EQ(kendall_tau({4, 1, 3, 2}, {-4, -1, -3, -2}), -1);
  EXPECT_DOUBLE_EQ(kendall_tau({1, 1, 2, 2}, {5, 5, 7, 7}), 1) << "tied in both lists: no disagreement";
}

// scipy.stats.kendalltau([12, 2, 1, 12, 2], [1, 4, 7, 1, 0]) of its documentation.
TEST(KendallTau, AgreesWithAPublishedValueWithTies) {
  EXPECT_NEAR(kendall_tau({12, 2, 1, 12, 2}, {1, 4, 7, 1, 0}), -0.47140452079103173, 1e-15);
}

TEST(KendallTau, AgreesWithItsDefinitionWhateverTheTies) {
  for (const int64_t values : {2, 3, 10, 100000})
    for (const size_t n : {2u, 3u, 7u, 64u, 151u}) {
      const Rng rng = Rng(5).index(static_cast<uint64_t>(values)).index(n);
      std::vector<double> x, y;
      for (size_t i = 0; i < n; ++i) {
        x.push_back(static_cast<double>(rng.purpose("x").integer(i, values)));
        y.push_back(x.back() * 0.3 + static_cast<double>(rng.purpose("y").integer(i, values)));
      }
      const double expected = by_pairs(x, y), found = kendall_tau(x, y);
      if (std::isnan(expected)) {
        EXPECT_TRUE(std::isnan(found)) << n << " of " << values;
      } else {
        EXPECT_NEAR(found, expected, 1e-12) << n << " of " << values;
      }
      EXPECT_EQ(std::isnan(kendall_tau(y, x)), std::isnan(expected));
    }
}

TEST(KendallTau, IsNotANumberWhereNothingIsOrdered) {
  EXPECT_TRUE(std::isnan(kendall_tau({1, 1, 1}, {1, 2, 3})));
  EXPECT_TRUE(std::isnan(kendall_tau({1}, {2})));
  EXPECT_TRUE(std::isnan(kendall_tau({}, {})));
}

TEST(KendallTau, RefusesListsThatCannotBeCompared) {
  testing::expect_error([] { kendall_tau({1, 2}, {1, 2, 3}); }, {"2 and 3 values"});
  testing::expect_error([] { kendall_tau({1, 2}, {1, std::nan("")}); }, {"value 1 is NaN"});
}

}  // namespace
}  // namespace nfopt
