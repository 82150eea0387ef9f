#include <gtest/gtest.h>
#include <nfopt/runtime/zoo/zoo_config.h>

#include <filesystem>

#include "tests/errors.h"
#include "tests/runtime/zoo/small_zoo.h"

namespace nfopt {
namespace {

TEST(ZooConfig, WhatIsWrittenReadsBackAsTheSame) {
  const ZooConfig config = testing::small_zoo("data");
  const std::string text = to_yaml(to_yaml_value(config));
  EXPECT_EQ(to_yaml(to_yaml_value(read_zoo_config(parse_yaml(text, "again"), "again"))), text);
  EXPECT_EQ(config.draw.optimizers.size(), 2u);
  EXPECT_EQ(config.draw.optimizers[1].second.low, 0.05) << "one number is a range of one";
  EXPECT_EQ(config.draw.options.size(), 1u);
}

TEST(ZooConfig, ConfigsOfTheProjectAreRight) {
  size_t found = 0;
  for (const auto& entry : std::filesystem::directory_iterator(NFOPT_CONFIGS "/zoo")) {
    EXPECT_NO_THROW(read_zoo_config(read_yaml(entry.path()), entry.path().string())) << entry.path();
    ++found;
  }
  EXPECT_GE(found, 2u);
}

TEST(ZooConfig, OneMessageListsEverythingThatIsWrong) {
  const std::string text = R"(name: a zoo
networks: 0
networks_per_chunk: many
dtype: float16
architecture: {name: mlp, activation: relu, hidden: {from: 1}}
data: {name: byte_text}
draw:
  optimizer: {adamm: 0.1, sgd: [0.3, 0.1], adam: -1}
  batch_size: []
  steps: [5, 6, 7]
  weight_decay: [0, 0.1]
  data_share: [0, 1]
  label_noise: 2
  initial_scal: 1
  options: {activation: relu}
evaluation: {train_examples: 0}
)";
  testing::expect_error([&] { read_zoo_config(parse_yaml(text, "bad.yaml"), "bad.yaml"); },
                        {"problems in bad.yaml",
                         "received 'a zoo'",
                         "bad.yaml:2:11: networks: expected an integer",
                         "networks_per_chunk: expected an integer",
                         "received 'float16'",
                         "architecture.hidden",
                         "expected fashion_mnist",
                         "no optimizer 'adamm' for a zoo",
                         "Did you mean 'adam'",
                         "draw.optimizer.sgd: expected a number or [low, high]",
                         "draw.optimizer.adam: expected",
                         "draw.batch_size: expected at least one",
                         "draw.steps: expected a number or [low, high]",
                         "draw.weight_decay: is drawn log-uniformly",
                         "draw.data_share",
                         "draw.label_noise",
                         "unknown key 'draw.initial_scal'",
                         "Did you mean 'initial_scale'",
                         "draw.options.activation: expected a list",
                         "draw.options.activation: is fixed in",
                         "evaluation.train_examples"});
}

TEST(ZooConfig, MissingPartsAreNamed) {
  testing::expect_error([] { read_zoo_config(parse_yaml("name: x\n", "x.yaml"), "x.yaml"); },
                        {"networks is missing", "architecture is missing", "data is missing", "draw is missing"});
  testing::expect_error(
      [] {
        read_zoo_config(parse_yaml("name: x\nnetworks: 1\narchitecture: {name: mlp}\ndata: {name: "
                                   "fashion_mnist}\ndraw: {optimizer: {}}\n",
                                   "x.yaml"),
                        "x.yaml");
      },
      {"draw.steps is missing", "draw.optimizer: expected at least one optimizer"});
}

}  // namespace
}  // namespace nfopt
