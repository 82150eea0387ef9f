// Every sentence of the axis language prints back as itself; everything else is an error with its column.

#include <gtest/gtest.h>
#include <nfopt/nflayers/random/rng.h>
#include <nfopt/nflayers/spec/axis_parser.h>

namespace nfopt {
namespace {

TEST(AxisParserTest, CanonicalTextIsAFixedPoint) {
  for (const char* text :
       {"[]", "[h]", "[h=64, ~in]", "[*, *4, *head=4, *head]", "[[h=4, qk@h] | [h, qk@h] | [h, v@h], d]",
        "[[*head=4, qk@*head], d]", "[a | b, a | b]", "[x@h.1, y@~pos.0=3]", "[[[a, b], c | d], e]"}) {
    SCOPED_TRACE(text);
    EXPECT_EQ(to_text(parse_axes(text)), text);
  }
}

TEST(AxisParserTest, SpaceDoesNotMatter) {
  EXPECT_EQ(to_text(parse_axes(" [ [h = 4,k @ h]|[ h , v@h.0 ],* 4 , ~ d ] ")), "[[h=4, k@h] | [h, v@h.0], *4, ~d]");
}

TEST(AxisParserTest, SizesAreEvaluated) { EXPECT_EQ(to_text(parse_axes("[h={4*(2+1)}, *=4]")), "[h=12, *4]"); }

TEST(AxisParserTest, ColumnsPointIntoTheText) {
  const AxisExpression expression = parse_axes("[ab, [c, ~d]]");
  EXPECT_EQ(expression.axes[0].parts[0].factor->column, 2);
  EXPECT_EQ(expression.axes[1].parts[0].entries[1].parts[0].factor->column, 10);
}

struct Malformed {
  const char* text;
  int column;
  const char* fragment;
};

class MalformedAxesTest : public ::testing::TestWithParam<Malformed> {};

TEST_P(MalformedAxesTest, IsAnErrorWithItsColumn) {
  const auto& [text, column, fragment] = GetParam();
  try {
    parse_axes(text);
    FAIL() << "no error for " << text;
  } catch (const AxisSyntaxError& error) {
    EXPECT_EQ(error.column(), column) << error.what();
    EXPECT_NE(std::string(error.what()).find(fragment), std::string::npos) << error.what();
    EXPECT_NE(std::string(error.what()).find("[spec] axes \""), std::string::npos) << error.what();
  }
}

INSTANTIATE_TEST_SUITE_P(
    Table, MalformedAxesTest,
    ::testing::Values(
        Malformed{"", 1, "expected '['"}, Malformed{"h", 1, "one entry per axis"},
        Malformed{"[", 2, "received the end"}, Malformed{"[h", 3, "expected ',', '|' or ']', received the end"},
        Malformed{"[h]]", 4, "expected the end, received ']'"}, Malformed{"[h] x", 5, "expected the end"},
        Malformed{"[,]", 2, "received ','"}, Malformed{"[h,]", 4, "received ']'"}, Malformed{"[h|]", 4, "received ']'"},
        Malformed{"[|h]", 2, "received '|'"}, Malformed{"[[]]", 3, "received ']'"},
        Malformed{"[h q]", 4, "expected ',', '|' or ']', received 'q'"}, Malformed{"[4]", 2, "expected a label"},
        Malformed{"[_h]", 2, "expected a label"}, Malformed{"[~]", 3, "expected a name after '~'"},
        Malformed{"[~4]", 3, "expected a name after '~'"}, Malformed{"[~a@b]", 5, "only plain labels are nested: '~a'"},
        Malformed{"[*a@b]", 5, "only plain labels are nested"}, Malformed{"[*@b]", 4, "can have no parent"},
        Malformed{"[a@]", 4, "the parent's name"}, Malformed{"[a@4]", 4, "the parent's name"},
        Malformed{"[a@b.]", 6, "occurrence"}, Malformed{"[a@b.x]", 6, "occurrence"},
        Malformed{"[a@b.99999999]", 14, "out of range"}, Malformed{"[a@b.99999999999999999999]", 6, "too large"},
        Malformed{"[a=]", 4, "expected a size"}, Malformed{"[a=-1]", 4, "expected a size, received '-'"},
        Malformed{"[a=0]", 4, "sizes start at 1"}, Malformed{"[*0]", 3, "sizes start at 1"},
        Malformed{"[*4=4]", 5, "already states its size"}, Malformed{"[a=b]", 4, "expected a size"},
        Malformed{"[a=99999999999999999999]", 4, "too large"}, Malformed{"[a={1]", 5, "never closed"},
        Malformed{"[a={1/0}]", 5, "division by zero"}, Malformed{"[a={7/2}]", 5, "never rounded"},
        Malformed{"[a={1-1}]", 5, "sizes start at 1"}, Malformed{"[a={width}]", 5, "unknown variable 'width'"},
        Malformed{"[{a}]", 2, "substitute {expressions} before parsing"}, Malformed{"[h-1]", 3, "received '-'"},
        Malformed{"[h\x01]", 3, "byte 0x01"}, Malformed{"[\xc3\xa4]", 2, "byte 0xc3"},
        Malformed{"[a=1=2]", 5, "received '='"}, Malformed{"[a@b@c]", 5, "received '@'"}));

TEST(AxisParserTest, DepthLengthAndRankAreBounded) {
  EXPECT_THROW(parse_axes(std::string(100000, '[')), AxisSyntaxError);
  EXPECT_THROW(parse_axes(std::string(1000, '[') + "a" + std::string(1000, ']')), AxisSyntaxError);
  std::string wide = "[a";
  for (int i = 0; i < 100; ++i) wide += ", a";
  EXPECT_THROW(parse_axes(wide + "]"), AxisSyntaxError);
}

TEST(AxisParserTest, RandomTextNeverCrashesAndWhatItAcceptsPrintsBack) {
  const std::string alphabet = "ab[]|,@*~=.{}12+ ";
  const std::string seed_text = "[[h=4, qk@h] | [*2, ~v], {2}]";
  int accepted = 0;
  for (uint64_t round = 0; round < 20000; ++round) {
    const Rng rng = Rng(7).index(round);
    std::string text = round % 2 ? seed_text : "[";
    const int64_t edits = 1 + rng.integer(0, 6);
    for (int64_t i = 0; i < edits; ++i) {
      const uint64_t u = static_cast<uint64_t>(3 * i + 1);
      const size_t at = static_cast<size_t>(rng.integer(u, static_cast<int64_t>(text.size()) + 1));
      text.insert(at, 1, alphabet[static_cast<size_t>(rng.integer(u + 1, static_cast<int64_t>(alphabet.size())))]);
      if (rng.integer(u + 2, 3) == 0) text.erase(at / 2, 1);
    }
    if (round % 2 == 0) text += "]";
    try {
      const std::string canonical = to_text(parse_axes(text));
      EXPECT_EQ(to_text(parse_axes(canonical)), canonical) << text;
      ++accepted;
    } catch (const AxisSyntaxError&) {
    }
  }
  EXPECT_GT(accepted, 500);
}

}  // namespace
}  // namespace nfopt
