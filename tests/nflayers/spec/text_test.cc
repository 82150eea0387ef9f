#include "tests/nflayers/spec/described_spaces.h"

#include <gtest/gtest.h>
#include <nfopt/nflayers/spec/error.h>
#include <nfopt/nflayers/spec/summary.h>
#include <nfopt/nflayers/spec/text.h>

namespace nfopt {
namespace {

using testing::described_spaces;
using testing::tensor;
using testing::with;

void expect_equal(const WeightSpace& a, const WeightSpace& b) {
  ASSERT_EQ(a.tensors().size(), b.tensors().size());
  for (size_t i = 0; i < a.tensors().size(); ++i) {
    const Tensor &x = a.tensors()[i], &y = b.tensors()[i];
    EXPECT_EQ(x.name, y.name);
    EXPECT_EQ(x.shape, y.shape);
    EXPECT_EQ(x.kind, y.kind);
    EXPECT_EQ(x.role, y.role);
    EXPECT_EQ(x.block, y.block);
    EXPECT_EQ(x.slots, y.slots);
    EXPECT_EQ(x.tied, y.tied);
  }
  ASSERT_EQ(a.labels().size(), b.labels().size());
  for (size_t i = 0; i < a.labels().size(); ++i) {
    EXPECT_EQ(a.labels()[i].name, b.labels()[i].name);
    EXPECT_EQ(a.labels()[i].size, b.labels()[i].size);
    EXPECT_EQ(a.labels()[i].type, b.labels()[i].type);
    EXPECT_EQ(a.labels()[i].parent, b.labels()[i].parent);
  }
  ASSERT_EQ(a.views().size(), b.views().size());
  for (size_t i = 0; i < a.views().size(); ++i) {
    EXPECT_EQ(a.views()[i].name, b.views()[i].name);
    EXPECT_EQ(a.views()[i].axis_offsets, b.views()[i].axis_offsets);
  }
}

TEST(TextTest, EverySpaceRoundTripsExactly) {
  for (const auto& described : described_spaces()) {
    SCOPED_TRACE(described.name);
    const WeightSpace space(described.tensors);
    const std::string text = to_text(space);
    const WeightSpace again = weight_space_from_text(text);
    EXPECT_EQ(to_text(again), text);
    expect_equal(space, again);
  }
}

TEST(TextTest, DefaultsAreLeftOut) {
  const WeightSpace space({tensor("w", {4, 3}, "[h,~in]"), with(tensor("running", {4}, "[h]"), [](auto& t) {
                             t.kind = Kind::buffer, t.role = Role::stat, t.block = "bn";
                           })});
  EXPECT_EQ(to_text(space),
            "weight space 1\n"
            "w        [4, 3]                        : [h, ~in]\n"
            "running  [4]     buffer stat block=bn  : [h]\n");
}

TEST(TextTest, UnusualNamesAreQuoted) {
  const WeightSpace space({with(tensor("a \"b\"\\: c", {4}, "[h]"),
                                [](auto& t) {
                                  t.block = "x y", t.tied = {"p,q", "r=s"};
                                }),
                           tensor("buffer", {4}, "[h]"), tensor("\xc3\xa4", {4}, "[h]")});
  expect_equal(space, weight_space_from_text(to_text(space)));
}

TEST(TextTest, MistakesNameTheirLine) {
  const std::vector<std::pair<std::string, std::string>> table{
      {"", "received an empty text"},
      {"hello\n", "expected \"weight space 1\""},
      {"weight space 1\nw [4\n", "line 2, column 5: expected ']'"},
      {"weight space 1\n# comment\n\nw [4] : [h\n", "'w': axes \"[h\", column 3"},
      {"weight space 1\nw [4] [h]\n", "line 2, column 7: expected a name"},
      {"weight space 1\nw [4] bais : [h]\n", "Did you mean 'bias'?"},
      {"weight space 1\nw [4] blok=a : [h]\n", "Did you mean 'block'?"},
      {"weight space 1\nw [4] slots=oz : [h]\n", "unknown slot 'z'"},
      {"weight space 1\n\"w [4] : [h]\n", "the quote is never closed"},
      {"weight space 1\nw [99999999999999999999] : [h]\n", "too large"},
      {"weight space 1\nw [4] : axis 0 from 0 until 4 [h]\n", "expected 'to'"},
      {"weight space 1\nw\nu\n", "2 problems"},
  };
  for (const auto& [text, fragment] : table) {
    try {
      weight_space_from_text(text);
      FAIL() << "no error for " << text;
    } catch (const SpecError& error) {
      EXPECT_NE(std::string(error.what()).find(fragment), std::string::npos) << error.what();
    }
  }
}

TEST(SummaryTest, NamesLabelsWithSizesAndParents) {
  const std::string text = summary(WeightSpace({tensor("q", {8, 3}, "[[*head=2, qk@*head], ~in]")}));
  for (const char* fragment : {"1 parameters with 24 entries", "*head", "qk", "~in", "8 x 3"})
    EXPECT_NE(text.find(fragment), std::string::npos) << text;
}

}  // namespace
}  // namespace nfopt
