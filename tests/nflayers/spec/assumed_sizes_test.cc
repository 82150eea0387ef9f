#include <gtest/gtest.h>
#include <nfopt/nflayers/spec/assumed_sizes.h>

#include "tests/nflayers/spec/described_spaces.h"

namespace nfopt {
namespace {

using testing::tensor;
using Names = std::vector<std::string>;

Names assumed(std::vector<TensorDescription> tensors) {
  const WeightSpace space(std::move(tensors));
  Names names;
  for (const int label : assumed_sizes(space)) names.push_back(space.labels()[static_cast<size_t>(label)].name);
  return names;
}

TEST(AssumedSizes, AreNoneWhereEveryLabelHasAnAxisOfItsOwn) {
  EXPECT_EQ(assumed({tensor("w1", {8, 5}, "[h=8, ~in]"), tensor("w2", {3, 8}, "[~out, h]")}), Names{});
}

TEST(AssumedSizes, FollowFromOneAxisToTheNext) {
  // Convolution, then flattening; the gates of an LSTM.
  EXPECT_EQ(assumed({tensor("conv", {4, 3, 3, 3}, "[c, ~rgb, *, *]"), tensor("fc", {10, 36}, "[~cls, [c, ~pix=9]]")}),
            Names{});
  EXPECT_EQ(assumed({tensor("ih", {20, 3}, "[[*4, f], ~in]"), tensor("hh", {20, 5}, "[[*4, f], f]")}), Names{});
  // A grouped convolution shows the channels of a group as its inputs.
  EXPECT_EQ(assumed({tensor("in", {6, 3}, "[[g=2, a@g], ~in]"), tensor("conv", {8, 3}, "[[g, b@g], a@g]")}), Names{});
}

TEST(AssumedSizes, AreHeadsAndGroupsWhateverTheDescriptionStates) {
  EXPECT_EQ(assumed({tensor("q", {6, 4}, "[[h=2, k@h=3], ~d]"), tensor("v", {6, 4}, "[[h, v@h=3], ~d]"),
                     tensor("o", {4, 6}, "[~d, [h, v@h]]")}),
            (Names{"h", "k", "v"}));
  EXPECT_EQ(assumed({tensor("conv", {8, 3}, "[[g=2, i@g=4], ~in]"), tensor("scale", {8}, "[[g, i@g]]")}),
            (Names{"g", "i"}));
}

TEST(AssumedSizes, AreBothPartsOfAConcatenationUnlessOneIsKnown) {
  EXPECT_EQ(assumed({tensor("w", {4, 8}, "[~out, a=3 | b=5]")}), (Names{"a", "b"}));
  EXPECT_EQ(assumed({tensor("v", {3, 2}, "[a, ~in]"), tensor("w", {4, 8}, "[~out, a | b]")}), Names{});
}

}  // namespace
}  // namespace nfopt
