#include <gtest/gtest.h>
#include <nfopt/nflayers/spec/error.h>
#include <nfopt/nflayers/spec/partitions.h>

#include "tests/nflayers/spec/described_spaces.h"

namespace nfopt {
namespace {

using testing::tensor;

std::vector<LayerAxis> axes(const std::vector<int>& labels, const std::vector<int>& parents = {}) {
  std::vector<LayerAxis> result;
  for (size_t i = 0; i < labels.size(); ++i) result.push_back({labels[i], parents.empty() ? -1 : parents[i], 2, 0});
  return result;
}

size_t count(const std::vector<LayerAxis>& out, const std::vector<LayerAxis>& in) {
  return valid_partitions(out, in).size();
}

TEST(ValidPartitions, AreCountedByBellNumbersPerLabel) {
  const auto a = axes({0}), b = axes({1}), ab = axes({0, 1}), pp = axes({0, 0}), ppp = axes({0, 0, 0});
  EXPECT_EQ(count(a, a), 2u);
  EXPECT_EQ(count(a, b), 1u);
  EXPECT_EQ(count(ab, ab), 4u);
  EXPECT_EQ(count(a, ab), 2u);
  EXPECT_EQ(count(pp, pp), 15u);
  EXPECT_EQ(count(a, pp), 5u);
  EXPECT_EQ(count(ppp, ppp), 203u);
  EXPECT_EQ(valid_partitions({}, {}), (std::vector<Partition>{{}}));
}

TEST(ValidPartitions, JoinNestedAxesOnlyBelowJoinedParents) {
  EXPECT_EQ(count(axes({0, 1}, {-1, 0}), axes({0, 1}, {-1, 0})), 3u);                // [a, b@a]
  EXPECT_EQ(count(axes({0, 1, 2}, {-1, 0, -1}), axes({0, 1, 2}, {-1, 0, -1})), 6u);  // [h, qk@h, d]
  EXPECT_EQ(count(axes({0, 1, 2}, {-1, 0, 1}), axes({0, 1, 2}, {-1, 0, 1})), 4u);    // a chain: cut at any depth
}

TEST(ValidPartitions, ComeInThePublishedOrder) {
  // out [p, p], in [p, p]: the order that stored coefficients of recurrent weights have.
  const std::vector<Partition> expected = {
      {{0, 1, 2, 3}},     {{0}, {1, 2, 3}},   {{0, 1}, {2, 3}},   {{1}, {0, 2, 3}},   {{0}, {1}, {2, 3}},
      {{0, 1, 2}, {3}},   {{1, 2}, {0, 3}},   {{0}, {1, 2}, {3}}, {{0, 2}, {1, 3}},   {{2}, {0, 1, 3}},
      {{0}, {2}, {1, 3}}, {{0, 1}, {2}, {3}}, {{1}, {0, 2}, {3}}, {{1}, {2}, {0, 3}}, {{0}, {1}, {2}, {3}}};
  EXPECT_EQ(valid_partitions(axes({7, 7}), axes({7, 7})), expected);
  // Labels by first appearance, the last one varying fastest.
  EXPECT_EQ(valid_partitions(axes({1, 0}), axes({0, 1})),
            (std::vector<Partition>{{{0, 3}, {1, 2}}, {{0, 3}, {1}, {2}}, {{0}, {3}, {1, 2}}, {{0}, {3}, {1}, {2}}}));
}

TEST(Fold, MovesFactorsIntoTheChannels) {
  const WeightSpace space({tensor("conv", {4, 3, 2, 2}, "[c, ~rgb, *, *]"), tensor("gates", {12, 4}, "[[*4, f], c]")});
  const auto fixed = fold_views(space, Fold::fixed());
  EXPECT_EQ(fixed[0].folded_size, 4);
  EXPECT_EQ(fixed[0].axes.size(), 2u);
  EXPECT_EQ(fixed[1].folded_size, 4);
  const auto all = fold_views(space, Fold::all());
  EXPECT_EQ(all[0].folded_size, 12);
  EXPECT_EQ(all[0].folded, (std::vector<int>{1, 2, 3}));
  const auto none = fold_views(space, Fold::none());
  EXPECT_EQ(none[0].axes.size(), 4u);
  EXPECT_NE(none[0].axes[2].label, none[0].axes[3].label);  // each "*" is a label of its own
  EXPECT_EQ(fold_views(space, Fold::only({"rgb"}))[0].folded, (std::vector<int>{1}));
}

TEST(Fold, NeverFoldsAParent) {
  const WeightSpace space({tensor("q", {6, 4}, "[[*head=2, k@*head], d]"), tensor("slope", {2}, "[*head]")});
  const auto views = fold_views(space, Fold::all());
  EXPECT_EQ(views[0].axes.size(), 3u);
  EXPECT_EQ(views[0].axes[1].parent, 0);
  EXPECT_EQ(views[1].axes.size(), 1u);
  EXPECT_EQ(views[1].axes[0].label, views[0].axes[0].label);
}

TEST(Fold, RefusesUnknownNamesAndSymmetriesInOneMessage) {
  const WeightSpace space({tensor("w", {4, 3}, "[h, ~rgb]")});
  try {
    fold_views(space, Fold::only({"rbg", "h"}));
    FAIL() << "expected an error";
  } catch (const SpecError& e) {
    const std::string text = e.what();
    EXPECT_NE(text.find("'rbg'"), std::string::npos) << text;
    EXPECT_NE(text.find("rgb"), std::string::npos) << text;
    EXPECT_NE(text.find("'h'"), std::string::npos) << text;
  }
}

}  // namespace
}  // namespace nfopt
