// nfopt spec show: what it prints for files, and status 2 with a sentence for wrong input.

#include <gtest/gtest.h>

#include <filesystem>
#include <regex>

#include "tests/runtime/cli/command.h"

namespace nfopt {
namespace {

using testing::Command;
using testing::Outcome;

const std::string kHere = std::filesystem::path(__FILE__).parent_path().string() + "/";
const std::string kPerceptron = kHere + "perceptron.yaml";
const std::string kLanguageModel = kHere + "tiny_lm.yaml";

Outcome show(const std::vector<std::string>& more) {
  std::vector<std::string> arguments = {"spec", "show"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return Command(arguments).run();
}

void expect_printed(const std::vector<std::string>& arguments, const std::string& pattern) {
  const Outcome outcome = show(arguments);
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_TRUE(std::regex_search(outcome.out, std::regex(pattern))) << pattern << "\nin:\n" << outcome.out;
}

void expect_refused(const std::vector<std::string>& arguments, const std::string& part) {
  const Outcome outcome = show(arguments);
  EXPECT_EQ(outcome.status, 2) << outcome.out;
  EXPECT_NE(outcome.err.find(part), std::string::npos) << "expected '" << part << "' in:\n" << outcome.err;
}

TEST(SpecShow, CountsAreThePublishedOnes) {
  expect_printed({kPerceptron, "--counts"}, "32 basis terms, evaluated by 12 contractions and 6 products");
}

TEST(SpecShow, BothGroupsAreListed) {
  expect_printed({kLanguageModel, "--set", "width=16"}, "~voc +S_100 +stays +moves");
  expect_printed({kLanguageModel, "--set", "width=16"}, "k0 +S_4\\^4 +one per h0 +moves +moves");
  expect_printed({kPerceptron, "--fold", "all"}, "~in +S_64 +stays +folded");
}

TEST(SpecShow, WritesTextAndYaml) {
  expect_printed({kPerceptron, "--format", "text", "--set", "width=8"}, "fc1.weight +\\[8, 64\\] +: \\[h, ~in\\]");
  expect_printed({kLanguageModel, "--set", "width=16", "--set", "depth=1", "--format", "yaml"},
                 "- \\{name: h.0.out, shape: \\[16, 16\\], block: h.0, axes: \"\\[d, \\[h0, v0@h0\\]\\]\"\\}");
}

TEST(SpecShow, WrongInputIsRefusedWithASentence) {
  expect_refused({kPerceptron, "--set", "widht=3"}, "Did you mean 'width'?");
  expect_refused({kPerceptron, "--set", "width=many"}, "width: expected an integer");
  expect_refused({kLanguageModel}, "'width' is missing");
  expect_refused({kLanguageModel, "--set", "width=18"}, "has length 18, but no size of 'v0' gives it");
  expect_refused({kLanguageModel, "--set", "width=16", "--fold", "vocc"}, "Did you mean 'voc'?");
  expect_refused({kHere + "missing.yaml"}, "cannot read");
  expect_refused({"no_such_architecture"}, "No architecture 'no_such_architecture'");
}

}  // namespace
}  // namespace nfopt
