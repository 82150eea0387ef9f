#include <gtest/gtest.h>
#include <nfopt/runtime/train/train_config.h>

#include <filesystem>
#include <fstream>

#include "tests/errors.h"

namespace nfopt {
namespace {

using testing::contains;
using testing::message_of;

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

TEST(TrainConfig, FindsThetaFilesBesideTheConfigThatNamesThem) {
  const std::filesystem::path folder = std::filesystem::path(::testing::TempDir()) / "nfopt_theta_beside";
  std::filesystem::create_directories(folder / "configs");
  std::ofstream(folder / "there.safetensors") << "";
  const std::string text =
      std::string(kText) + "  near: {theta: ../there.safetensors}\n  far: {theta: ../not_there.safetensors}\n";
  const std::string file = (folder / "configs" / "run.yaml").string();
  const auto theta_of = [&](const char* name) {
    YamlValue document = parse_yaml(text, file);
    apply_override(document, std::string("optimizer=") + name);
    return read_train_config(document, file).optimizer.theta;
  };
  EXPECT_EQ(theta_of("near"), (folder / "there.safetensors").string());
  EXPECT_EQ(theta_of("far"), "../not_there.safetensors") << "as written: the message about it is the reader's";
  std::filesystem::remove_all(folder);
}

TEST(TrainConfig, SchedulesAndEarlyStopAreReadAndRefused) {
  const TrainConfig config =
      config_with({"optimizer=adam", "optimizer.lr_schedule=cosine", "optimizer.warmup=5", "early_stop={patience: 7}"});
  EXPECT_EQ(config.optimizer.schedule.decay, LrSchedule::Decay::cosine);
  EXPECT_EQ(config.optimizer.schedule.warmup, 5);
  EXPECT_EQ(config.early_stop->metric, "test_loss");
  EXPECT_EQ(config.early_stop->patience, 7);
  EXPECT_FALSE(config_with({}).early_stop.has_value());
  const YamlValue once = to_yaml_value(config);
  EXPECT_TRUE(differences(once, to_yaml_value(read_train_config(parse_yaml(to_yaml(once), "r"), "r"))).empty());
  const std::string message = message_of([] {
    config_with({"optimizer.lr_schedule=cosin", "optimizer.warmup=-1", "optimizer.lr=1e39",
                 "early_stop={metric: loss, patience: 0}"});
  });
  for (const std::string part :
       {"lr_schedule: expected one of constant, cosine, received 'cosin'", "warmup", "optimizer.lr",
        "early_stop.metric: expected one of train_loss", "early_stop.patience"})
    EXPECT_TRUE(contains(message, part)) << "no '" << part << "' in: " << message;
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

TEST(CompareConfig, ReadsSweepsTasksAndSmoothing) {
  YamlValue document = parse_yaml(std::string(kText) + R"(compare:
  optimizers: [unf]
  seeds: [3, 4]
  smoothing: {kind: window, steps: 30}
  sweep: {optimizers: [adam, gentle], rates: {low: 0.001, high: 0.1, count: 5}, schedules: [constant]}
  baseline: gentle
  one_rate_of: easy
  tasks:
    - other.yaml
    - {name: long, group: easy, set: [steps=50], seeds: [1]}
)",
                                  "tiny.yaml");
  const CompareConfig config = read_compare_config(document, "tiny.yaml");
  EXPECT_EQ(config.sweep->rates, (std::vector<double>{0.001, 0.003162, 0.01, 0.03162, 0.1}));
  EXPECT_EQ(config.baseline, "gentle");
  EXPECT_EQ(config.smoothing.kind, Smoothing::Kind::window);
  ASSERT_EQ(config.tasks.size(), 2u);
  EXPECT_EQ(config.tasks[0].config, "other.yaml");
  EXPECT_EQ(config.tasks[0].name, "other");
  EXPECT_EQ(config.tasks[1].overrides, std::vector<std::string>{"steps=50"});
  EXPECT_EQ(default_rates("adam").size(), 15u);
  EXPECT_EQ(default_rates("adam").front(), 1e-4);
}

TEST(CompareConfig, NamesEveryMistakeEvenForTrain) {
  const std::string message = message_of([] {
    config_with(
        {"compare={sweep: {optimizers: [unf], rates: [0.1, 0.1], schedules: [cosinus]}, smoothing: {decay: 1}, "
         "threads: -1, optimizers: [nope], tasks: [{group: a}], one_rate_of: b, sede: [1]}"});
  });
  for (const std::string part :
       {"'unf' is a learned rule", "given twice", "cosinus", "compare.smoothing.decay", "compare.threads",
        "unknown optimizer 'nope'", "compare.tasks[0].name", "compare.one_rate_of", "unknown key 'compare.sede'"})
    EXPECT_TRUE(contains(message, part)) << "no '" << part << "' in: " << message;
}

}  // namespace
}  // namespace nfopt
