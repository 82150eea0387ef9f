#include <nfopt/runtime/optimizers/rule_description.h>

#include "tests/runtime/optimizers/small_problem.h"

namespace nfopt {
namespace {

TEST(RuleDescription, EveryPresetSurvivesARoundTripThroughJson) {
  EXPECT_EQ(assembled_preset_names().size(), 12u);
  for (const std::string& name : assembled_preset_names()) {
    RuleDescription rule = rule_preset(name);
    rule.network.fold = Fold::only({"h"});
    const RuleDescription back = rule_from_json(to_json(rule));
    EXPECT_EQ(back.name, name);
    EXPECT_EQ(back.features.clip, rule.features.clip);  // infinity has no JSON number
    EXPECT_EQ(back.features.momentum_decays, rule.features.momentum_decays);
    EXPECT_EQ(back.network.fold.names, rule.network.fold.names);
    EXPECT_EQ(to_json(back), to_json(rule));
  }
}

TEST(RuleDescription, AnUnknownPresetListsTheKnown) {
  expect_error([] { rule_preset("umf"); }, {"'umf'", "per_parameter_mlp", "Did you mean 'unf'?"});
}

TEST(RuleDescription, OneMessageListsAllContradictions) {
  RuleDescription rule = rule_preset("unf");
  rule.features.momentum_decays = {0.1, 1.0};
  rule.features.epsilon = 0;
  rule.network.layers[1].c_in = 31;
  rule.network.layers.back().c_out = 2;
  expect_error([&] { check(rule); }, {"decay 1.0", "epsilon", "layer 0 reads 19 channels, the features give 15",
                                      "layer 1 reads 31 channels, layer 0 give 32", "reads 1"});
  rule = rule_preset("rmsnormed");
  rule.step.momentum = 0.8;
  expect_error([&] { check(rule); }, {"0.8 is not among"});
  expect_error([&] { LearnedRule(rule, small_space()); }, {"0.8 is not among"});
}

TEST(RuleDescription, MalformedTextIsRefusedWithItsPlace) {
  const std::string good = to_json(rule_preset("unf"));
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string text = good;
    const size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return text.replace(at, from.size(), to);
  };
  expect_error([] { rule_from_json("{"); }, {"not valid JSON"});
  expect_error([] { rule_from_json("[]"); }, {"not an object"});
  expect_error([&] { rule_from_json(with("\"epsilon\"", "\"epsilom\"")); }, {"'features.epsilon' is missing"});
  expect_error([&] { rule_from_json(with("\"epsilon\"", "\"extra\":1,\"epsilon\"")); },
               {"unknown entry 'features.extra'"});
  expect_error([&] { rule_from_json(with("\"dense\"", "\"dens\"")); },
               {"network.layers[0].type", "Known: dense", "Did you mean 'dense'?"});
  expect_error([&] { rule_from_json(with("\"c_in\":19", "\"c_in\":\"x\"")); },
               {"network.layers[0].c_in", "wrong type"});
  expect_error([&] { rule_from_json(with("\"inputs\":[", "\"inputs\":7,\"was\":[")); }, {"features.inputs"});
}

}  // namespace
}  // namespace nfopt
