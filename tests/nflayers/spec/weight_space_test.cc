// The families of docs/weight-spaces.md resolve; views, strides, parents, sizes, slots, ties and stacks are as
// documented.

#include "tests/nflayers/spec/described_spaces.h"

#include <gtest/gtest.h>
#include <nfopt/nflayers/random/rng.h>
#include <nfopt/nflayers/spec/error.h>

namespace nfopt {
namespace {

using testing::described_spaces;
using testing::tensor;
using testing::with;

const Label& label(const WeightSpace& space, const std::string& name) {
  for (const auto& candidate : space.labels())
    if (candidate.name == name) return candidate;
  throw std::out_of_range(name);
}

std::string error_of(std::vector<TensorDescription> tensors) {
  try {
    WeightSpace space(std::move(tensors));
  } catch (const SpecError& error) {
    return error.what();
  }
  return "no error";
}

void expect_in(const std::string& text, const std::vector<std::string>& fragments) {
  for (const auto& fragment : fragments)
    EXPECT_NE(text.find(fragment), std::string::npos) << fragment << "\nin: " << text;
}

// Every entry of every source belongs to exactly one view.
void expect_covered_once(const WeightSpace& space) {
  for (size_t s = 0; s < space.sources().size(); ++s) {
    const auto& shape = space.sources()[s].shape;
    int64_t entries = 1;
    for (const int64_t length : shape) entries *= length;
    std::vector<int> hits(static_cast<size_t>(entries), 0);
    for (const auto& view : space.views()) {
      if (view.source != static_cast<int>(s)) continue;
      int64_t count = 1;
      for (const auto& factor : view.factors) count *= factor.size;
      for (int64_t i = 0; i < count; ++i) {
        std::vector<int64_t> at = view.axis_offsets;
        int64_t rest = i;
        for (auto factor = view.factors.rbegin(); factor != view.factors.rend(); ++factor) {
          at[static_cast<size_t>(factor->axis)] += rest % factor->size * factor->stride;
          rest /= factor->size;
        }
        int64_t flat = 0;
        for (size_t axis = 0; axis < shape.size(); ++axis) {
          ASSERT_LT(at[axis], shape[axis]) << view.name;
          flat = flat * shape[axis] + at[axis];
        }
        ++hits[static_cast<size_t>(flat)];
      }
    }
    for (const int hit : hits) ASSERT_EQ(hit, 1) << space.sources()[s].name;
  }
}

TEST(WeightSpaceTest, ViewsCoverEachSourceExactlyOnce) {
  for (const auto& described : described_spaces()) {
    SCOPED_TRACE(described.name);
    expect_covered_once(WeightSpace(described.tensors));
  }
}

TEST(WeightSpaceTest, DamagedDescriptionsAreRefusedOrStillCoverTheirTensors) {
  const std::string alphabet = "abdhgqk[]|,@*~=.123 ";
  const auto families = described_spaces();
  int accepted = 0;
  for (uint64_t round = 0; round < 20000; ++round) {
    const Rng rng = Rng(1).index(round);
    auto tensors = families[static_cast<size_t>(rng.integer(0, static_cast<int64_t>(families.size())))].tensors;
    auto& damaged = tensors[static_cast<size_t>(rng.integer(1, static_cast<int64_t>(tensors.size())))];
    std::string& axes = damaged.views.empty() ? damaged.axes : damaged.views.front().axes;
    const size_t at = static_cast<size_t>(rng.integer(2, static_cast<int64_t>(axes.size())));
    const char letter = alphabet[static_cast<size_t>(rng.integer(3, static_cast<int64_t>(alphabet.size())))];
    if (rng.integer(4, 2)) {
      axes[at] = letter;
    } else {
      axes.insert(at, 1, letter);
    }
    if (rng.integer(5, 3) == 0) damaged.shape.clear();
    SCOPED_TRACE(axes);
    try {
      const WeightSpace space(tensors);
      ++accepted;
      if (space.parameter_count() < 100000) expect_covered_once(space);
    } catch (const SpecError&) {
    }
  }
  EXPECT_GT(accepted, 1000);
}

TEST(WeightSpaceTest, FactorsOfANestedLabelNameAParentOfTheRightLabel) {
  for (const auto& described : described_spaces()) {
    SCOPED_TRACE(described.name);
    const WeightSpace space(described.tensors);
    for (const auto& view : space.views())
      for (const auto& factor : view.factors) {
        const int parent = space.labels()[static_cast<size_t>(factor.label)].parent;
        ASSERT_EQ(parent >= 0, factor.parent_factor >= 0);
        if (parent >= 0) {
          EXPECT_EQ(view.factors[static_cast<size_t>(factor.parent_factor)].label, parent);
        }
      }
  }
}

TEST(WeightSpaceTest, DescribingTheCanonicalDescriptionsAgainGivesTheSameSpace) {
  for (const auto& described : described_spaces()) {
    SCOPED_TRACE(described.name);
    const WeightSpace once(described.tensors);
    const WeightSpace twice(once.descriptions());
    ASSERT_EQ(once.views().size(), twice.views().size());
    for (size_t i = 0; i < once.descriptions().size(); ++i) {
      EXPECT_EQ(once.descriptions()[i].axes, twice.descriptions()[i].axes);
      EXPECT_EQ(once.descriptions()[i].shape, twice.descriptions()[i].shape);
    }
  }
}

TEST(WeightSpaceTest, FusedRowsBecomeThreeViewsInOrder) {
  const WeightSpace space(
      {tensor("in_proj", {24, 7}, "[[h=4, k@h] | [h, k@h] | [h, v@h], d]"), tensor("out", {7, 8}, "[d, [h, v@h]]")});
  ASSERT_EQ(space.views().size(), 4u);
  const View& values = space.views()[2];
  EXPECT_EQ(values.name, "in_proj#2");
  EXPECT_EQ(values.axis_offsets, (std::vector<int64_t>{16, 0}));
  ASSERT_EQ(values.factors.size(), 3u);
  EXPECT_EQ(values.factors[0].stride, 2);
  EXPECT_EQ(values.factors[1].stride, 1);
  EXPECT_EQ(values.factors[1].parent_factor, 0);
  EXPECT_EQ(label(space, "k").size, 2);
  EXPECT_EQ(space.views()[3].name, "out");
}

TEST(WeightSpaceTest, InterleavedRowsShareTheStrideOfTheHead) {
  const WeightSpace space(
      {tensor("qkv", {16, 5}, "[[h=2, qk@h | qk@h | v@h], d]"), tensor("o", {5, 4}, "[d, [h, v@h]]")});
  EXPECT_EQ(space.views()[0].factors[0].stride, 8);
  EXPECT_EQ(space.views()[1].axis_offsets[0], 3);
  EXPECT_EQ(space.views()[2].axis_offsets[0], 6);
  EXPECT_EQ(space.views()[2].factors[1].size, 2);
}

TEST(WeightSpaceTest, TheFirstAxisOfSeveralConcatsIsTheSlowest) {
  const WeightSpace space({tensor("a", {3}, "[a]"), tensor("w", {5, 5}, "[a|b, a|b]")});
  ASSERT_EQ(space.views().size(), 5u);
  EXPECT_EQ(space.views()[2].axis_offsets, (std::vector<int64_t>{0, 3}));
  EXPECT_EQ(space.views()[3].axis_offsets, (std::vector<int64_t>{3, 0}));
}

TEST(WeightSpaceTest, EachPartTakesItsOwnParent) {
  const WeightSpace space({tensor("w", {6, 6}, "[[g=3, c@g], [g, c@g]]")});
  EXPECT_EQ(space.views()[0].factors[1].parent_factor, 0);
  EXPECT_EQ(space.views()[0].factors[3].parent_factor, 2);
}

TEST(WeightSpaceTest, AParentOnAnotherAxisIsFound) {
  const WeightSpace space({tensor("w", {8, 3}, "[[g=2, co@g], ci@g]")});
  EXPECT_EQ(space.views()[0].factors[2].parent_factor, 0);
}

TEST(WeightSpaceTest, AnOccurrenceChoosesTheParent) {
  const WeightSpace space({tensor("w", {2, 2, 3}, "[h, h, x@h.1]")});
  EXPECT_EQ(space.views()[0].factors[2].parent_factor, 1);
}

TEST(WeightSpaceTest, BareStarsArePrivate) {
  const WeightSpace space({tensor("w", {3, 5}, "[*, *]")});
  ASSERT_EQ(space.labels().size(), 2u);
  EXPECT_EQ(space.labels()[0].size, 3);
  EXPECT_EQ(space.labels()[1].size, 5);
  EXPECT_EQ(space.labels()[0].name, "");
}

TEST(WeightSpaceTest, ABareStarIsOneLabelInAllViewsOfItsTensor) {
  const WeightSpace space({tensor("a", {2}, "[a]"), tensor("w", {5, 3}, "[a|b, *]")});
  EXPECT_EQ(space.views()[1].factors[1].label, space.views()[2].factors[1].label);
}

TEST(WeightSpaceTest, LabelsComeInOrderOfFirstAppearance) {
  const WeightSpace space({tensor("w1", {4, 3}, "[z, ~in]"), tensor("w2", {2, 4}, "[a, z]")});
  EXPECT_EQ(space.labels()[0].name, "z");
  EXPECT_EQ(space.labels()[1].name, "in");
  EXPECT_EQ(space.labels()[2].name, "a");
}

TEST(SizesTest, AProductIsDividedByWhatIsKnown) {
  const WeightSpace space({tensor("conv", {6, 3}, "[c2, ~rgb]"), tensor("fc", {10, 216}, "[~cls, [c2, ~pix]]")});
  EXPECT_EQ(label(space, "pix").size, 36);
}

TEST(SizesTest, ANameRepeatedInAConcatIsOneUnknown) {
  const WeightSpace space({tensor("w", {12, 9}, "[a|a|a, b|*3]")});
  EXPECT_EQ(label(space, "a").size, 4);
  EXPECT_EQ(label(space, "b").size, 6);
}

TEST(SizesTest, UnknownsAreSolvedAcrossTensorsInAnyOrder) {
  const WeightSpace space({tensor("w1", {11}, "[a|b]"), tensor("w2", {9}, "[b|c]"), tensor("w3", {4}, "[c]")});
  EXPECT_EQ(label(space, "b").size, 5);
  EXPECT_EQ(label(space, "a").size, 6);
}

TEST(SizesTest, ShapesMayBeMissingWhenTheExpressionsFixThem) {
  const WeightSpace space(
      {tensor("w1", {}, "[h=8, ~in=5]"), tensor("w2", {}, "[~cls=3, [h, *2]]"), tensor("s", {}, "[]")});
  EXPECT_EQ(space.tensors()[1].shape, (std::vector<int64_t>{3, 16}));
  EXPECT_EQ(space.descriptions()[1].shape, (std::vector<int64_t>{3, 16}));
  EXPECT_EQ(space.tensors()[2].numel(), 1);
  EXPECT_EQ(space.parameter_count(), 40 + 48 + 1);
}

TEST(SizesTest, ASizeMayBeAnArithmeticExpression) {
  const WeightSpace space({tensor("w", {}, "[h={4*(2+1)}, *={6/3}]")});
  EXPECT_EQ(space.tensors()[0].shape, (std::vector<int64_t>{12, 2}));
}

TEST(SizesTest, ContradictoryLengthsNameBothPlaces) {
  expect_in(error_of({tensor("w1", {4, 3}, "[h, ~in]"), tensor("w2", {2, 5}, "[~cls, h]")}),
            {"Axis 1 of 'w2' \"[~cls, h]\" has length 5", "'h' = 4 by axis 0 of 'w1' \"[h, ~in]\" (length 4)"});
}

TEST(SizesTest, ContradictoryStatementsNameBothPlaces) {
  expect_in(error_of({tensor("w1", {}, "[h=4]"), tensor("w2", {}, "[~cls=2, h=5]")}),
            {"Size of 'h': 5 at column 10 of 'w2'", "but 4 at column 2 of 'w1'"});
}

TEST(SizesTest, AnIndivisibleLengthNamesTheDivisorAndItsPlace) {
  expect_in(error_of({tensor("q", {65, 7}, "[[h=4, qk@h], d]")}),
            {"Axis 0 of 'q'", "length 65", "no size of 'qk'", "'h' = 4 by column 3 of 'q'"});
}

TEST(SizesTest, AConcatThatIsTooShortIsAnError) {
  expect_in(error_of({tensor("a", {6}, "[a]"), tensor("w", {6}, "[a|b]")}),
            {"Axis 0 of 'w'", "no size of 'b'", "'a' = 6"});
}

TEST(SizesTest, TwoUnknownsOfAProductAreNamedTogether) {
  expect_in(error_of({tensor("q", {64, 7}, "[[h, qk@h], d]"), tensor("o", {7, 64}, "[d, [h, qk@h]]")}),
            {"Sizes of 'h' and 'qk' unknown", "axis 0 of 'q'", "axis 1 of 'o'", "'h=SIZE'"});
}

TEST(SizesTest, AnUnknownWithoutAShapeSaysWhatToState) {
  expect_in(error_of({tensor("w", {}, "[h=2, ~in]")}),
            {"Size of '~in' unknown", "axis 1 of 'w'", "State the shape of 'w'", "'~in=SIZE'"});
}

TEST(SizesTest, HugeSizesAreErrorsNotOverflows) {
  expect_in(error_of({tensor("w", {}, "[[a=1000000000000, b=1000000000000]]")}), {"larger than 2^60"});
  expect_in(error_of({tensor("w", {1000000000000, 1000000000000}, "[a, b]")}), {"more than 2^60 entries"});
  expect_in(error_of({with(tensor("w", {}, "[a=2]"),
                           [](auto& t) {
                             t.stack = StackDescription{"e=1000000", "w.{i}"};
                           })}),
            {"stacks 1000000 tensors"});
}

TEST(SizesTest, AllProblemsAreReportedTogether) {
  const std::string text =
      error_of({tensor("w1", {4, 3}, "[h, ~in]"), tensor("w2", {5}, "[h]"), tensor("w3", {6}, "[[a, b]]")});
  expect_in(text, {"2 problems", "1. Axis 0 of 'w2'", "2. Sizes of 'a' and 'b'"});
}

TEST(NamesTest, ANameHasOneType) {
  expect_in(error_of({tensor("w1", {4}, "[h]"), tensor("w2", {4}, "[~h]")}),
            {"'h' is '~h' at column 2 of 'w2'", "but 'h' at column 2 of 'w1'", "one type and one parent"});
}

TEST(NamesTest, ANameHasOneParent) {
  expect_in(error_of({tensor("w1", {8}, "[[h=2, k@h]]"), tensor("w2", {4}, "[k]")}),
            {"'k' is 'k' at column 2 of 'w2'", "but 'k@h' at column 8 of 'w1'"});
}

TEST(NamesTest, AParentExistsAndHasTheWrittenType) {
  expect_in(error_of({tensor("w", {8}, "[[head=2, k@hed]]")}), {"no factor is called 'hed'", "Did you mean 'head'?"});
  expect_in(error_of({tensor("w", {8}, "[[*head=2, k@head]]")}), {"names its parent 'head'", "'*head' at column 3"});
}

TEST(NamesTest, ALabelIsNotNestedInItself) {
  expect_in(error_of({tensor("w", {4}, "[a@a]")}), {"'a' is nested in itself"});
  expect_in(error_of({tensor("w", {4, 4}, "[a@b, b@a]")}), {"is nested in itself"});
}

TEST(ParentsTest, AParentMustBeInTheView) {
  expect_in(error_of({tensor("w", {2, 4}, "[h, d]"), tensor("u", {3}, "[k@h]")}),
            {"'k@h' at column 2 of 'u'", "holds no 'h'"});
}

TEST(ParentsTest, SeveralParentsNeedAnOccurrence) {
  expect_in(error_of({tensor("w", {4, 4, 3}, "[h, h, x@h]")}),
            {"'x@h' at column 8 of 'w'", "holds 'h' 2 times", "'x@h.0'"});
  expect_in(error_of({tensor("w", {4, 4, 3}, "[h, h, x@h.2]")}), {"Occurrences count from .0"});
}

TEST(ViewsTest, SlicesCoverTheTensorExactlyOnce) {
  const auto sliced = [](std::vector<int64_t> shape, std::vector<SliceDescription> views) {
    TensorDescription description = tensor("w", std::move(shape), "");
    description.views = std::move(views);
    return description;
  };
  expect_in(error_of({sliced({6, 2}, {{0, 0, 3, "[a, d]"}, {0, 4, 6, "[b, d]"}})}), {"leave out 3..4"});
  expect_in(error_of({sliced({6, 2}, {{0, 0, 4, "[a, d]"}, {0, 3, 6, "[b, d]"}})}), {"cover twice 3..4"});
  expect_in(error_of({sliced({7, 2}, {{0, 0, 4, "[a, d]"}, {0, 4, 6, "[b, d]"}})}), {"cover 0..6", "length is 7"});
  expect_in(error_of({sliced({6, 2}, {{0, 0, 6, "[a, d]"}, {1, 0, 2, "[b, d]"}})}), {"Cut one axis"});
  expect_in(error_of({sliced({6, 2}, {{3, 0, 6, "[a, d]"}})}), {"slices cut axis 3"});
  expect_in(error_of({sliced({6, 2}, {{0, 3, 3, "[a, d]"}})}), {"start < stop"});
  expect_in(error_of({sliced({6, 2}, {{0, 0, 3, "[a, d]"}, {0, 3, 6, "[b]"}})}), {"disagree about the rank"});
  EXPECT_EQ(error_of({sliced({}, {{0, 0, 3, "[a, d=2]"}, {0, 3, 6, "[b, d]"}})}), "no error");
}

TEST(TensorsTest, SlotsFollowTheRoleUnlessStated) {
  const WeightSpace space({tensor("w", {2, 3, 4}, "[a, b, *]"),
                           with(tensor("t", {2, 3}, "[a, b]"), [](auto& t) { t.role = Role::table; }),
                           with(tensor("u", {2, 3}, "[a, b]"), [](auto& t) {
                             t.slots = {Slot::input, Slot::output};
                           })});
  EXPECT_EQ(space.tensors()[0].slots, (std::vector<Slot>{Slot::output, Slot::input, Slot::neither}));
  EXPECT_EQ(space.tensors()[1].slots, (std::vector<Slot>{Slot::output, Slot::output}));
  EXPECT_EQ(space.tensors()[2].slots, (std::vector<Slot>{Slot::input, Slot::output}));
  expect_in(error_of({with(tensor("w", {2, 3}, "[a, b]"), [](auto& t) { t.slots = {Slot::input}; })}),
            {"1 slots for 2 axes"});
}

TEST(TensorsTest, ATensorWithoutABlockIsItsOwn) {
  const WeightSpace space({tensor("w", {2}, "[a]"), with(tensor("u", {2}, "[a]"), [](auto& t) { t.block = "head"; })});
  EXPECT_EQ(space.tensors()[0].block, "w");
  EXPECT_EQ(space.tensors()[1].block, "head");
}

TEST(TensorsTest, StackedElementsBecomeTensorsOfOneSource) {
  const WeightSpace space({with(tensor("up", {5, 4}, "[f@e, d]"),
                                [](auto& t) {
                                  t.stack = StackDescription{"e", "experts.{i}.up"};
                                  t.tied = {"copy.{i}"};
                                }),
                           tensor("router", {3, 4}, "[e, d]")});
  ASSERT_EQ(space.tensors().size(), 4u);
  EXPECT_EQ(space.tensors()[2].name, "experts.2.up");
  EXPECT_EQ(space.tensors()[2].tied, (std::vector<std::string>{"copy.2"}));
  EXPECT_EQ(space.tensors()[2].shape, (std::vector<int64_t>{5, 4}));
  EXPECT_EQ(space.sources()[0].shape, (std::vector<int64_t>{3, 5, 4}));
  EXPECT_TRUE(space.sources()[0].stacked);
  EXPECT_EQ(space.views()[0].factors[1].parent_factor, 0);
  EXPECT_EQ(space.tensors()[2].slots.size(), 3u);
  expect_in(error_of({with(tensor("up", {5}, "[f]"),
                           [](auto& t) {
                             t.stack = StackDescription{"e=2", "experts.up"};
                           })}),
            {"lacks '{i}'"});
}

TEST(TensorsTest, ATiedParameterIsListedOnce) {
  expect_in(error_of({with(tensor("wte", {2}, "[a]"), [](auto& t) { t.tied = {"head"}; }), tensor("head", {2}, "[a]")}),
            {"tied 'head' is listed as a tensor as well"});
  expect_in(error_of({with(tensor("a", {2}, "[a]"), [](auto& t) { t.tied = {"c"}; }),
                      with(tensor("b", {2}, "[a]"), [](auto& t) { t.tied = {"c"}; })}),
            {"'b': tied 'c' is tied to 'a' as well"});
  expect_in(error_of({tensor("w", {2}, "[a]"), tensor("w", {2}, "[a]")}), {"'w' is listed twice"});
}

TEST(TensorsTest, ShapeAndExpressionAgreeOnTheRank) {
  expect_in(error_of({tensor("w", {2, 3}, "[a]")}), {"describe 1 axes, but the shape has 2"});
  expect_in(error_of({tensor("w", {2, 0}, "[a, b]")}), {"at least 1"});
  expect_in(error_of({tensor("w", {2}, "")}), {"expected 'axes' or 'views', received neither"});
}

TEST(TensorsTest, AMissListsNearNames) {
  const WeightSpace space({tensor("fc1.weight", {2}, "[a]")});
  EXPECT_EQ(space.find("fc1.weight"), 0);
  EXPECT_EQ(space.find("fc2"), -1);
  try {
    space.index("fc1.wieght");
    FAIL();
  } catch (const SpecError& error) {
    expect_in(error.what(), {"no tensor 'fc1.wieght'", "Did you mean 'fc1.weight'?"});
  }
}

TEST(NumberedLabelsTest, EqualNumbersAreOneLabel) {
  const std::vector<WeightSpace::NumberedTensor> tensors{{"w", {1, 0}, {4, 3}}, {"k", {1, -1, -1}, {4, 2, 2}}};
  const WeightSpace space = WeightSpace::from_numbered_labels(tensors);
  ASSERT_EQ(space.labels().size(), 3u);
  EXPECT_EQ(space.labels()[2].name, "n1");
  EXPECT_EQ(space.views()[1].factors[1].label, space.views()[1].factors[2].label);
  const std::vector<WeightSpace::NumberedTensor> wrong{{"w", {1, 0}, {4, 3}}, {"b", {1}, {5}}};
  EXPECT_THROW(WeightSpace::from_numbered_labels(wrong), SpecError);
}

}  // namespace
}  // namespace nfopt
