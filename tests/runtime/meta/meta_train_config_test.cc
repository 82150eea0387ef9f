#include <nfopt/runtime/meta/meta_train_config.h>
#include <nfopt/runtime/train/train_config.h>

#include <filesystem>

#include "tests/errors.h"

namespace nfopt {
namespace {

TEST(MetaTrainConfig, ShippedConfigsAreReadAndResolvedOnesReadTheSame) {
  int64_t configs = 0;
  for (const auto& entry : std::filesystem::directory_iterator(NFOPT_META_CONFIGS)) {
    const std::string file = entry.path().string();
    ++configs;
    const YamlValue resolved = to_yaml_value(read_meta_train_config(read_yaml(file), file));
    const MetaTrainConfig again = read_meta_train_config(parse_yaml(to_yaml(resolved), file), file);
    EXPECT_TRUE(differences(resolved, to_yaml_value(again)).empty()) << file;
  }
  EXPECT_GE(configs, 4);
}

TEST(MetaTrainConfig, FindsTheFileToStartFromBesideTheConfigThatNamesIt) {
  const std::string file = NFOPT_META_CONFIGS "/context_many_outputs.yaml";
  const MetaTrainConfig config = read_meta_train_config(read_yaml(file), file);
  EXPECT_TRUE(std::filesystem::path(config.theta).is_absolute()) << config.theta;
  EXPECT_TRUE(std::filesystem::exists(config.theta)) << config.theta;
}

MetaTrainConfig config_with(const std::vector<std::string>& overrides) {
  YamlValue document = parse_yaml(R"(name: tiny
rule: unf
families:
  one: {data: {name: fashion_mnist, image_size: 8}, architecture: {name: mlp, hidden: [32]}}
outer: {steps: 5}
)",
                                  "tiny.yaml");
  for (const std::string& assignment : overrides) apply_override(document, assignment);
  return read_meta_train_config(document, "tiny.yaml");
}

TEST(MetaTrainConfig, TheStartIsPublishedUnlessTheConfigSaysOtherwise) {
  EXPECT_FALSE(config_with({}).clipped_momentum.has_value());
  const MetaTrainConfig config = config_with({"start.clipped_momentum={rate: 0.01, gradient: 0}"});
  ASSERT_TRUE(config.clipped_momentum.has_value());
  EXPECT_EQ(config.clipped_momentum->rate, 0.01);
  EXPECT_EQ(config.clipped_momentum->gradient, 0);
  EXPECT_EQ(config.clipped_momentum->horizon, ClippedMomentumStart().horizon);
}

TEST(MetaTrainConfig, RefusesStartsAndWeightsThatMakeNoSense) {
  testing::expect_error(
      [] {
        config_with({"theta=x.safetensors", "start.clipped_momentum={rate: 0, gradient: 2, horizn: 5}",
                     "families.one.loss_exponent=-1"});
      },
      {"start.clipped_momentum.rate", "start.clipped_momentum.gradient", "unknown key 'start.clipped_momentum.horizn'",
       "from a file ('theta') or from 'start'", "families.one.loss_exponent"});
  testing::expect_error([] { config_with({"start.clipt=5"}); }, {"unknown key 'start.clipt'", "clipped_momentum"});
}

TEST(MetaTrainConfig, ConstantsOfContextReplaceTheDefaultsAndAreReadBack) {
  const MetaTrainConfig config = config_with({"rule=context", "context={rate_units: 0, nominal: momentum, clip: 2}"});
  ASSERT_TRUE(config.context.has_value());
  EXPECT_EQ(config.context->rate_units, 0);
  EXPECT_EQ(config.context->nominal, ContextNominal::momentum);
  EXPECT_EQ(config.context->clip, 2);
  EXPECT_EQ(config.context->square_decay, ContextDescription().square_decay);
  const YamlValue resolved = to_yaml_value(config);
  const MetaTrainConfig again = read_meta_train_config(parse_yaml(to_yaml(resolved), "again.yaml"), "again.yaml");
  EXPECT_EQ(to_json(*again.context), to_json(*config.context));
}

TEST(MetaTrainConfig, RefusesConstantsThatContextDoesNotHaveOrThatAreNotItsOwn) {
  testing::expect_error(
      [] {
        config_with({"rule=context", "context={hidden: 9, floor: 0, nominal: sgd, context_gian: 0}"});
      },
      {"context.hidden", "1 to 8", "context.floor", "a positive number", "context.nominal", "'context_gain'"});
  testing::expect_error([] { config_with({"context={hidden: 4}"}); }, {"the rule 'context' alone"});
  testing::expect_error(
      [] {
        config_with({"rule=context", "theta=x.safetensors", "context={hidden: 4}"});
      },
      {"has its constants"});
}

}  // namespace
}  // namespace nfopt
