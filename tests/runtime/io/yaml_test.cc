#include <nfopt/runtime/io/yaml_reader.h>

#include "tests/errors.h"

namespace nfopt {
namespace {

using testing::contains;
using testing::message_of;

std::string parse_message(const std::string& text) {
  return message_of([&] { parse_yaml(text, "run.yaml"); });
}

TEST(YamlValue, KeepsThePlaceOfEveryValue) {
  const YamlValue root = parse_yaml("a: 1\nb:\n  c: [2, x]\n", "run.yaml");
  EXPECT_EQ(root.find("a")->place, "run.yaml:1:4");
  EXPECT_EQ(root.find("b")->find("c")->items[1].place, "run.yaml:3:10");
}

TEST(YamlValue, RefusesWhatNoConfigurationNeeds) {
  EXPECT_TRUE(contains(parse_message("a: 1\nb: 2\na: 3\n"), "run.yaml:3:1: key 'a' is given twice"))
      << parse_message("a: 1\na: 3\n");
  EXPECT_TRUE(contains(parse_message("a: &x 1\nb: *x\n"), "run.yaml:1:4: anchors"));
  EXPECT_TRUE(contains(parse_message("axes: [h, *, *]\n"), "run.yaml:1:"));
  EXPECT_TRUE(contains(parse_message("<<: {a: 1}\n"), "merge keys"));
  EXPECT_TRUE(contains(parse_message("a: !!python/object x\n"), "tags"));
  EXPECT_TRUE(contains(parse_message("{a: 1}: 2\n"), "expected a key, received a map"));
  EXPECT_TRUE(contains(parse_message("a: 1\n---\nb: 2\n"), "one document"));
  EXPECT_TRUE(contains(parse_message("a: [1, 2\nb: 3\n"), "not valid YAML"));
  EXPECT_TRUE(contains(parse_message("a: 'unterminated\n"), "not valid YAML"));
}

TEST(YamlValue, RefusesDeepNestingWithoutOverflowingTheStack) {
  for (const size_t depth : {65u, 400u, 200'000u}) {
    const std::string message = parse_message("a: " + std::string(depth, '['));
    EXPECT_TRUE(contains(message, "nested deeper than 64") || contains(message, "not valid YAML")) << message;
  }
  std::string blocks;
  for (int i = 0; i < 2000; ++i) blocks += std::string(static_cast<size_t>(i), ' ') + "a:\n";
  EXPECT_TRUE(contains(parse_message(blocks), "nested deeper")) << parse_message(blocks);
}

TEST(YamlValue, SurvivesARoundTripThroughText) {
  const std::string text =
      "name: run\nlr: 0.1\nlist: [1, 2.5, \"true\", word]\nempty: {}\nnone: null\ndata:\n  folder: \"a b: c\"\n"
      "  deep:\n    on: false\n";
  const YamlValue once = parse_yaml(text, "a");
  EXPECT_EQ(to_yaml(once), text);
  EXPECT_EQ(to_yaml(parse_yaml(to_yaml(once), "b")), text);
}

TEST(YamlValue, EveryTextSurvivesQuoting) {
  for (const std::string text :
       {"1e5", "true", "null", "~", "", " a ", "a: b", "# no", "\"q\" \\ \n\t\x01", "*x", "-", "[", "0x10", "é"}) {
    YamlValue map = YamlValue::map();
    map.set("t", YamlValue::text_scalar(text));
    const YamlValue back = parse_yaml(to_yaml(map), "round");
    EXPECT_EQ(as_text(*back.find("t")), text) << to_yaml(map);
  }
}

TEST(YamlValue, PlainTextsKeepTheirMeaningBetweenBrackets) {
  const YamlValue root = parse_yaml("a:\n  - one, two\n  - 3*width\n  - -1\n  - {\"a: b\": 1}\n", "run.yaml");
  const std::string text = to_yaml(root);
  const YamlValue again = parse_yaml(text, "again.yaml");
  ASSERT_EQ(again.find("a")->items.size(), 4u) << text;
  EXPECT_EQ(again.find("a")->items[0].text, "one, two");
  EXPECT_FALSE(again.find("a")->items[1].quoted) << "an expression, not a text";
  EXPECT_EQ(as_integer(again.find("a")->items[2]), -1);
  EXPECT_NE(again.find("a")->items[3].find("a: b"), nullptr) << text;
}

TEST(YamlValue, RefusesControlCharactersAndEndlessKeys) {
  EXPECT_TRUE(
      contains(parse_message("a: 1\nb: \x0f\n"), "run.yaml:2:4: not valid YAML: a control character (byte 15)"));
  EXPECT_TRUE(contains(parse_message(std::string("a\0b", 3)), "run.yaml:1:2: not valid YAML: a control character"));
  EXPECT_EQ(parse_yaml("\"\\x0f\"", "run.yaml").text, "\x0f");
  EXPECT_TRUE(contains(parse_message(std::string(201, 'k') + ": 1"), "a key of 201 bytes"));
  EXPECT_EQ(parse_message(std::string(200, 'k') + ": 1"), "no error");
}

TEST(Override, ReplacesAddsAndNamesItself) {
  YamlValue root = parse_yaml("optimizer: sgdm\ndata: {size: 8}\n", "run.yaml");
  apply_override(root, "optimizer.lr=0.5");
  apply_override(root, "data.size=28");
  apply_override(root, "new.list=[1, 2]");
  apply_override(root, "label=a=b");
  EXPECT_EQ(to_yaml(root),
            "optimizer:\n  name: sgdm\n  lr: 0.5\ndata:\n  size: 28\nnew:\n  list: [1, 2]\nlabel: a=b\n");
  EXPECT_EQ(root.find("data")->find("size")->place, "--set data.size");
}

TEST(Override, ExplainsWhatItCannotUse) {
  YamlValue root = parse_yaml("list: [1]\n", "run.yaml");
  EXPECT_TRUE(contains(message_of([&] { apply_override(root, "steps"); }), "expected key=value"));
  EXPECT_TRUE(contains(message_of([&] { apply_override(root, "a..b=1"); }), "single dots"));
  EXPECT_TRUE(contains(message_of([&] { apply_override(root, "list.x=1"); }), "'list' is a list"));
  EXPECT_TRUE(contains(message_of([&] { apply_override(root, "a=[1"); }), "--set a"));
  EXPECT_TRUE(contains(message_of([&] { apply_override(root, "a=*x"); }), "--set a"));
}

TEST(YamlMap, ListsAllProblemsOfAFileInOneMessage) {
  const YamlValue root =
      parse_yaml("stepz: 10\nlr: -1\nbatch_size: many\nname: 12\nsizes: [1, x]\nflag: yes\ndata: 3\n", "run.yaml");
  const std::string message = message_of([&] {
    YamlProblems problems("config", "run.yaml");
    YamlMap top(root, "", problems);
    top.integer("steps", {.at_least = 1});
    top.real("lr", {.above = 0.0}, 0.1);
    top.integer("batch_size", {.at_least = 1}, 8);
    top.text("name");
    top.integers("sizes");
    top.boolean("flag", false);
    YamlMap data = top.map("data");
    data.integer("size");
    data.finish();
    top.finish();
    problems.throw_if_any();
  });
  EXPECT_EQ(message,
            "[config] 8 problems in run.yaml:\n"
            "  run.yaml:1:1: steps is missing: expected an integer at least 1.\n"
            "  run.yaml:2:5: lr: expected a number above 0, received '-1'.\n"
            "  run.yaml:3:13: batch_size: expected an integer at least 1, received 'many'.\n"
            "  run.yaml:4:7: name: expected a text, received '12'.\n"
            "  run.yaml:5:12: sizes[1]: expected an integer, received 'x'.\n"
            "  run.yaml:6:7: flag: expected true or false, received 'yes'.\n"
            "  run.yaml:7:7: data: expected a map, received '3'.\n"
            "  run.yaml:1:1: unknown key 'stepz'. Known: batch_size, data, flag, lr, name, sizes, steps. Did you mean "
            "'steps'?");
}

TEST(YamlMap, ReadsNumbersExactlyAndRefusesTheRest) {
  const auto value = [](const std::string& text) { return YamlValue::scalar(text); };
  EXPECT_EQ(as_integer(value("-9223372036854775808")), INT64_MIN);
  EXPECT_EQ(as_integer(value("9223372036854775808")), std::nullopt);
  EXPECT_EQ(as_integer(value("1.0")), std::nullopt);
  EXPECT_EQ(as_real(value("1e-3")), 1e-3);
  EXPECT_EQ(as_real(value("nan")), std::nullopt);
  EXPECT_EQ(as_real(value("1e999")), std::nullopt);
  EXPECT_EQ(as_real(value(shortest(0.1 + 0.2))), 0.1 + 0.2);
}

TEST(ReadYaml, NamesTheFileThatIsMissing) {
  EXPECT_TRUE(contains(message_of([] { read_yaml("/nowhere/run.yaml"); }), "/nowhere/run.yaml"));
  EXPECT_TRUE(contains(message_of([] { read_yaml("/tmp"); }), "is a folder"));
}

}  // namespace
}  // namespace nfopt
