#include <nfopt/runtime/io/weight_space_yaml.h>

#include "tests/nflayers/spec/described_spaces.h"

#include <gtest/gtest.h>
#include <nfopt/nflayers/random/rng.h>
#include <nfopt/nflayers/spec/error.h>
#include <nfopt/nflayers/spec/text.h>

namespace nfopt {
namespace {

WeightSpace space_of(const std::string& yaml, const std::map<std::string, OptionValue>& given = {}) {
  const ArchitecturePtr architecture = architecture_from_yaml(parse_yaml(yaml, "net.yaml"), "net.yaml");
  const ArchitectureInfo info = architecture->info();
  return WeightSpace(architecture->describe(Options(info.name, info.options, given)));
}

std::string error_of(const std::string& yaml, const std::map<std::string, OptionValue>& given = {}) {
  try {
    space_of(yaml, given);
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

const std::string kPerceptron = R"(architecture: perceptron
summary: fully connected layers
options:
  depth: 3
  width: {required: true, help: units of a layer}
  bias: true
tensors:
  - {name: fc0.weight, shape: [width, 784], axes: "[h0, ~in]", block: fc0}
  - for: {i: 1..depth-1}
    tensors:
      - {name: "fc{i}.weight", shape: ["{width}", width], axes: "[h{i}, h{i-1}]", block: "fc{i}"}
      - for: {b: 1..bias}
        tensors:
          - {name: "fc{i}.bias", axes: "[h{i}={width}]", role: bias, block: "fc{i}"}
  - {name: head.weight, shape: [10, width], axes: "[~cls, h{depth-1}]"}
)";

TEST(WeightSpaceYamlTest, LoopsAndExpressionsFollowTheOptions) {
  const std::string& yaml = kPerceptron;
  const WeightSpace space = space_of(yaml, {{"width", int64_t{16}}, {"depth", int64_t{4}}});
  ASSERT_EQ(space.tensors().size(), 8u);
  EXPECT_EQ(space.tensors()[3].name, "fc2.weight");
  EXPECT_EQ(space.tensors()[3].block, "fc2");
  EXPECT_EQ(space.descriptions()[3].axes, "[h2, h1]");
  EXPECT_EQ(space.tensors()[4].shape, (std::vector<int64_t>{16}));
  EXPECT_EQ(space_of(yaml, {{"width", int64_t{16}}, {"bias", false}}).tensors().size(), 4u);
  EXPECT_EQ(space_of(yaml, {{"width", int64_t{16}}, {"depth", int64_t{1}}}).tensors().size(), 2u);  // an empty loop
}

TEST(WeightSpaceYamlTest, SeveralVariablesNestTheLastFastest) {
  const WeightSpace space = space_of(
      "architecture: a\ntensors:\n  - for: {i: 0..1, j: 0..2}\n    tensors:\n      - {name: \"w{i}{j}\", axes: "
      "\"[a{3*i+j}=2]\"}\n");
  ASSERT_EQ(space.tensors().size(), 6u);
  EXPECT_EQ(space.tensors()[1].name, "w01");
  EXPECT_EQ(space.labels()[5].name, "a5");
}

TEST(WeightSpaceYamlTest, EveryFieldIsRead) {
  const WeightSpace space = space_of(R"(architecture: fields
tensors:
  - {name: running, shape: [4], axes: "[c]", kind: buffer, role: stat, block: bn}
  - {name: wte, shape: [7, 4], axes: "[~voc, c]", role: table, tied: [lm_head.weight]}
  - {name: c_attn, shape: [4, 6], axes: "[c, q]", slots: [i, o]}
  - {name: up, shape: [5, 4], axes: "[f@e, c]", stack: {over: e=3, of: "experts.{i}.up"}, tied: ["copy.{i}"]}
  - name: cross
    shape: [6, 4]
    views:
      - {slice: {axis: 0, start: 0, stop: 2}, axes: "[a, c]"}
      - {slice: {axis: 0, start: 2, stop: 2*3}, axes: "[b, d]"}
)");
  EXPECT_EQ(space.tensors()[0].kind, Kind::buffer);
  EXPECT_EQ(space.tensors()[0].role, Role::stat);
  EXPECT_EQ(space.tensors()[1].tied, (std::vector<std::string>{"lm_head.weight"}));
  EXPECT_EQ(space.tensors()[2].slots, (std::vector<Slot>{Slot::input, Slot::output}));
  EXPECT_EQ(space.tensors()[5].name, "experts.2.up");
  EXPECT_EQ(space.tensors()[5].tied, (std::vector<std::string>{"copy.2"}));
  EXPECT_EQ(space.views().back().axis_offsets, (std::vector<int64_t>{2, 0}));
}

TEST(WeightSpaceYamlTest, EverySpaceRoundTrips) {
  for (const auto& described : testing::described_spaces()) {
    SCOPED_TRACE(described.name);
    const WeightSpace space(described.tensors);
    const std::string yaml = to_yaml(space, "family");
    const WeightSpace again = space_of(yaml);
    EXPECT_EQ(to_text(again), to_text(space));
    EXPECT_EQ(to_yaml(again, "family"), yaml);
  }
}

TEST(WeightSpaceYamlTest, NamesWithBracesCannotBeWritten) {
  EXPECT_THROW(to_yaml(WeightSpace({testing::tensor("w{0}", {2}, "[a]")}), "a"), SpecError);
}

TEST(WeightSpaceYamlTest, OptionsAreDeclaredToTheHost) {
  const auto info = architecture_from_yaml(parse_yaml(kPerceptron, "net.yaml"), "net.yaml")->info();
  EXPECT_EQ(info.name, "perceptron");
  EXPECT_EQ(info.summary, "fully connected layers");
  ASSERT_EQ(info.options.size(), 3u);
  EXPECT_TRUE(info.options[1].required);
  EXPECT_EQ(info.options[1].help, "units of a layer");
  EXPECT_EQ(info.options[2].type, Option::Type::boolean);
  EXPECT_NE(error_of(kPerceptron).find("width"), std::string::npos);  // required, not given
}

TEST(WeightSpaceYamlTest, ExamplesNameOptionsOnTopOfTheDefaults) {
  const std::string yaml =
      kPerceptron + "examples:\n  shallow: {width: 5, depth: 1}\n  no_bias: {width: 6, bias: false}\n";
  const auto examples = architecture_from_yaml(parse_yaml(yaml, "net.yaml"), "net.yaml")->examples();
  ASSERT_EQ(examples.size(), 2u);
  EXPECT_EQ(examples[0].name, "shallow");
  EXPECT_EQ(examples[0].options, (std::map<std::string, OptionValue>{{"width", int64_t{5}}, {"depth", int64_t{1}}}));
  EXPECT_EQ(examples[1].options, (std::map<std::string, OptionValue>{{"width", int64_t{6}}, {"bias", false}}));
  EXPECT_TRUE(architecture_from_yaml(parse_yaml(kPerceptron, "net.yaml"), "net.yaml")->examples().empty());
}

TEST(WeightSpaceYamlTest, MistakesNameFileLineAndColumn) {
  const std::vector<std::pair<std::string, std::vector<std::string>>> table{
      {"architecture: a\n", {"net.yaml", "tensors is missing"}},
      {"tensors: []\n", {"architecture is missing"}},
      {"architecture: A b\ntensors: []\n", {"net.yaml:1:15", "a-z, 0-9 and '_'"}},
      {"architecture: a\ntensor: []\n", {"net.yaml:2:1: unknown key 'tensor'", "Did you mean 'tensors'?"}},
      {"architecture: a\ntensors: 3\n", {"net.yaml:2:10", "expected a list of tensors and loops, received '3'"}},
      {"architecture: a\ntensors:\n  - {name: w, axis: \"[h]\"}\n",
       {"net.yaml:3", "tensors[0].axes is missing", "unknown key 'tensors[0].axis'"}},
      {"architecture: a\ntensors:\n  - {name: w, axes: [h, q]}\n", {"net.yaml:3:21", "Put it in quotes"}},
      {"architecture: a\ntensors:\n  - {name: w, axes: \"[h]\", role: wieght}\n",
       {"net.yaml:3:34", "one of weight, table", "'wieght'"}},
      {"architecture: a\ntensors:\n  - {name: w, axes: \"[h]\", slots: [o, z]}\n", {"slots[1]", "one of o, i, x"}},
      {"architecture: a\ntensors:\n  - {name: w, axes: \"[h{j}]\"}\n", {"net.yaml:3:21", "unknown variable 'j'"}},
      {"architecture: a\ntensors:\n  - {name: \"w{1\", axes: \"[h=2]\"}\n", {"net.yaml:3:12", "'{' is never closed"}},
      {"architecture: a\ntensors:\n  - {name: w, axes: \"[h]\", shape: [x]}\n",
       {"net.yaml:3:36", "unknown variable 'x'"}},
      {"architecture: a\ntensors:\n  - {name: w, axes: \"[h]\", shape: 4}\n",
       {"net.yaml:3:35", "expected a list of integers"}},
      {"architecture: a\ntensors:\n  - for: {i: 0-3}\n    tensors: []\n", {"net.yaml:3:14", "expected first..last"}},
      {"architecture: a\ntensors:\n  - for: {i: 0..3}\n", {"tensors[0].tensors is missing"}},
      {"architecture: a\ntensors:\n  - for: {}\n    tensors: []\n", {"expected a variable and its range"}},
      {"architecture: a\ntensors:\n  - for: {i: 0..3, 2j: 0..1}\n    tensors: []\n", {"a loop variable is"}},
      {"architecture: a\noptions: {i: 3}\ntensors:\n  - for: {i: 0..1}\n    tensors: []\n",
       {"net.yaml:4:14", "'i' is already an option"}},
      {"architecture: a\ntensors:\n  - for: {i: 0..1}\n    tensors:\n      - {name: w, axes: \"[h]\", stack: {over: e, "
       "of: \"e.{i}\"}}\n",
       {"Rename the variable"}},
      {"architecture: a\noptions: {x: 1, y: {required: true}}\nexamples: {small: {z: 2}, \"no good\": {y: "
       "wide}}\ntensors: []\n",
       {"unknown key 'examples.small.z'", "examples.small.y is missing", "the name of an example",
        "examples.no good.y: expected an integer, received 'wide'"}},
      {"architecture: a\noptions: {x: many}\ntensors: []\n", {"net.yaml:2:14", "received 'many'"}},
      {"architecture: a\noptions: {x: {type: text}}\ntensors: []\n", {"one of integer, boolean"}},
      {"architecture: a\ntensors:\n  - {name: w, views: [{slice: {axis: 0, start: 0}, axes: \"[h]\"}]}\n",
       {"stop", "is missing"}},
      {"architecture: a\ntensors:\n  - {name: w, axes: \"[h\", shape: [4]}\n", {"'w': axes \"[h\", column 3"}},
      {"architecture: a\ntensors:\n  - for: {i: 0..9999999}\n    tensors: []\n", {"more than 1,000,000 rounds"}},
      {"architecture: a\ntensors:\n  - for: {i: 0..999999}\n    tensors: [{name: \"w{i}\", axes: \"[h=2]\"}]\n",
       {"more than 100,000 tensors"}},
      {"architecture: a\ntensors:\n  - for: {i: 9223372036854775807..9223372036854775807}\n    tensors: [{name: w, "
       "axes: \"[h]\", shape: [i*i]}]\n",
       {"too large"}},
      {"architecture: a\ntensors: [3, w]\n", {"expected a map, received '3'", "expected a map, received 'w'"}},
  };
  for (const auto& [yaml, fragments] : table)
    for (const auto& fragment : fragments)
      EXPECT_NE(error_of(yaml).find(fragment), std::string::npos) << yaml << error_of(yaml);
}

TEST(WeightSpaceYamlTest, DamagedDocumentsAreErrorsNeverCrashes) {
  const std::string alphabet = "[]{}:,-\"'*&!~|@=.#0123 \nabi";
  int accepted = 0;
  for (uint64_t round = 0; round < 2000; ++round) {
    const Rng rng = Rng(5).index(round);
    std::string yaml = kPerceptron;
    const size_t at = static_cast<size_t>(rng.integer(0, static_cast<int64_t>(yaml.size())));
    const char letter = alphabet[static_cast<size_t>(rng.integer(1, static_cast<int64_t>(alphabet.size())))];
    if (rng.integer(2, 3) == 0) {
      yaml.erase(at, static_cast<size_t>(rng.integer(3, 20)));
    } else {
      yaml.insert(at, 1, letter);
    }
    accepted += error_of(yaml, {{"width", int64_t{16}}}) == "no error";
  }
  EXPECT_GT(accepted, 50);  // some damage is harmless: in the summary, in a name
}

}  // namespace
}  // namespace nfopt
