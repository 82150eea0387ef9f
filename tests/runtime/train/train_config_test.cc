#include <gtest/gtest.h>
#include <nfopt/nflayers/spec/error.h>
#include <nfopt/runtime/train/train_config.h>

#include <functional>

namespace nfopt {
namespace {

std::string message_of(const std::function<void()>& run) {
  try {
    run();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

constexpr const char* kText = R"(name: tiny
architecture: {name: mlp, input_size: 64, hidden: [32], output_size: 10, slope: 2.0, on: true, words: [a, "1"]}
data: {name: fashion_mnist, image_size: 8, scale: 0.1}
steps: 10
optimizer: gentle
optimizers:
  gentle: {rule: sgdm, lr: 0.05, dampening: 0.9}
  adam: {lr: 0.003}
)";

TrainConfig config_with(const std::vector<std::string>& overrides) {
  YamlValue document = parse_yaml(kText, "tiny.yaml");
  for (const std::string& assignment : overrides) apply_override(document, assignment);
  return read_train_config(document, "tiny.yaml");
}

TEST(TrainConfig, PresetsAreResolvedAndSettingsLieOnTop) {
  const TrainConfig preset = config_with({});
  EXPECT_EQ(preset.optimizer.rule, "sgdm");
  EXPECT_EQ(preset.optimizer.dampening, 0.9);
  EXPECT_EQ(preset.optimizer.momentum, 0.9);
  const TrainConfig changed = config_with({"optimizer.lr=0.5"});
  EXPECT_EQ(changed.optimizer.name, "gentle");
  EXPECT_EQ(changed.optimizer.lr, 0.5);
  EXPECT_EQ(changed.optimizer.dampening, 0.9);
  EXPECT_EQ(config_with({"optimizer=adam"}).optimizer.lr, 0.003);
  EXPECT_EQ(config_with({"optimizer=adamw"}).optimizer.weight_decay, 0.01);
  const TrainConfig learned = config_with({"optimizer=unf"});
  EXPECT_TRUE(learned.optimizer.learned());
  EXPECT_EQ(learned.optimizer.lr, 1.0);
  const TrainConfig file = config_with({"optimizer=some/trained.safetensors"});
  EXPECT_EQ(file.optimizer.name, "trained");
  EXPECT_EQ(file.optimizer.theta, "some/trained.safetensors");
}

TEST(TrainConfig, TheResolvedConfigReadsBackAsItself) {
  for (const std::string optimizer :
       {"gentle", "sgd", "adam", "adamw", "unf", "per_parameter_mlp", "a/b.safetensors"}) {
    const YamlValue once = to_yaml_value(config_with({"optimizer=" + optimizer, "data.mean=0.3", "plugins=[a, b]"}));
    const YamlValue twice = to_yaml_value(read_train_config(parse_yaml(to_yaml(once), "resolved"), "resolved"));
    EXPECT_EQ(to_yaml(once), to_yaml(twice)) << optimizer;
    EXPECT_TRUE(differences(once, twice).empty());
  }
}

TEST(TrainConfig, OptionsOfArchitecturesKeepTheirTypes) {
  const auto options = config_with({}).architecture_options;
  EXPECT_EQ(std::get<double>(options.at("slope")), 2.0);
  EXPECT_EQ(std::get<bool>(options.at("on")), true);
  EXPECT_EQ(std::get<std::vector<int64_t>>(options.at("hidden")), std::vector<int64_t>{32});
  EXPECT_EQ(std::get<std::vector<std::string>>(options.at("words")), (std::vector<std::string>{"a", "1"}));
  const YamlValue resolved = parse_yaml(to_yaml(to_yaml_value(config_with({}))), "r");
  EXPECT_EQ(read_train_config(resolved, "r").architecture_options, options);
}

TEST(TrainConfig, FindsMistakesInPresetsNobodyUses) {
  const std::string message = message_of([] { config_with({"optimizers.adam.beta1=1.5", "optimizers.new={lr: 1}"}); });
  EXPECT_TRUE(contains(message, "beta1: expected a number at least 0 and below 1, received '1.5'")) << message;
  EXPECT_TRUE(contains(message, "preset 'new' says neither 'rule' nor 'theta'")) << message;
}

TEST(TrainConfig, ListsEveryProblemAtOnce) {
  const std::string message = message_of([] {
    config_with({"steps=0", "optimizer=adm", "data.std=0", "name=a/b", "log.evry=3", "seed=1.5"});
  });
  for (const std::string part :
       {"6 problems", "--set steps", "Did you mean 'adam'", "data.std: expected a number above 0",
        "name: expected letters", "unknown key 'log.evry'", "seed: expected an integer"})
    EXPECT_TRUE(contains(message, part)) << "no '" << part << "' in: " << message;
}

TEST(TrainConfig, DifferencesNameKeysAndBothValues) {
  const YamlValue a = to_yaml_value(config_with({}));
  const YamlValue b = to_yaml_value(config_with({"optimizer.lr=0.5", "architecture.extra=[1, 2]"}));
  EXPECT_EQ(differences(a, b),
            (std::vector<std::string>{"architecture.extra (null, now [1, 2])", "optimizer.lr (0.05, now 0.5)"}));
}

TEST(CompareConfig, FallsBackToTheConfigsOwnOptimizerAndSeed) {
  YamlValue document = parse_yaml(kText, "tiny.yaml");
  EXPECT_EQ(read_compare_config(document, "tiny.yaml").optimizers, std::vector<std::string>{"gentle"});
  apply_override(document, "compare={optimizers: [adam, adam], seeds: []}");
  const std::string message = message_of([&] { read_compare_config(document, "tiny.yaml"); });
  EXPECT_TRUE(contains(message, "given twice") && contains(message, "at least one")) << message;
}

}  // namespace
}  // namespace nfopt
