#include <gtest/gtest.h>
#include <nfopt/nflayers/spec/error.h>
#include <nfopt/nflayers/spec/expression.h>

namespace nfopt {
namespace {

const Variables kVariables{{"depth", 3}, {"width", 64}, {"heads", 4}};

std::string error_of(const std::string& text) {
  try {
    evaluate_expression(text, kVariables);
  } catch (const SpecError& error) {
    return error.what();
  }
  return "no error";
}

TEST(ExpressionTest, FollowsTheUsualPrecedence) {
  EXPECT_EQ(evaluate_expression("1 + 2*3", {}), 7);
  EXPECT_EQ(evaluate_expression("(1+2)*3", {}), 9);
  EXPECT_EQ(evaluate_expression("8/2/2", {}), 2);
  EXPECT_EQ(evaluate_expression("8-2-2", {}), 4);
  EXPECT_EQ(evaluate_expression("--3 + -1", {}), 2);
  EXPECT_EQ(evaluate_expression("4*width/heads - depth", kVariables), 61);
}

TEST(ExpressionTest, SubstitutesEveryBrace) {
  EXPECT_EQ(substitute_expressions("blocks.{depth-1}.fc{2*depth}", kVariables), "blocks.2.fc6");
  EXPECT_EQ(substitute_expressions("plain", {}), "plain");
  EXPECT_THROW(substitute_expressions("a{depth", kVariables), SpecError);
}

TEST(ExpressionTest, MistakesAreErrorsWithAColumn) {
  const std::vector<std::pair<std::string, std::string>> table{
      {"", "expected a number or a variable, received the end"},
      {"1+", "column 3"},
      {"1 2", "unexpected '2'"},
      {"(1", "expected ')'"},
      {"1)", "unexpected ')'"},
      {"7/2", "leaves a remainder"},
      {"1/0", "division by zero"},
      {"1/(2-2)", "division by zero"},
      {"widht", "Did you mean 'width'?"},
      {"9223372036854775807+1", "too large"},
      {"9223372036854775807*2", "too large"},
      {"99999999999999999999", "too large"},
      {"-9223372036854775807-2", "too large"},
      {"(-9223372036854775807-1)/-1", "too large"},
      {"2^3", "unexpected '^'"},
      {"%", "received '%'"},
  };
  for (const auto& [text, fragment] : table)
    EXPECT_NE(error_of(text).find(fragment), std::string::npos) << error_of(text);
}

TEST(ExpressionTest, DepthIsBounded) {
  EXPECT_NE(error_of(std::string(100000, '(')).find("nested"), std::string::npos);
  EXPECT_NE(error_of(std::string(100000, '-')).find("nested"), std::string::npos);
}

}  // namespace
}  // namespace nfopt
