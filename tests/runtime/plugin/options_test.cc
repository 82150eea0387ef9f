#include <nfopt/runtime/plugin/options.h>

#include "expect_refusal.h"

namespace nfopt {
namespace {

using testing::contains;
using testing::message_of;
using Type = Option::Type;

std::vector<Option> declared() {
  return {{"width", Type::integer, true, {}, "units of the layer", {}},
          {"rate", Type::real, false, 0.5, "", {}},
          {"hidden", Type::integers, false, std::vector<int64_t>{8}, "", {}},
          {"tags", Type::texts, false, std::vector<std::string>{}, "", {}},
          {"kind", Type::text, false, std::string("relu"), "", {"relu", "tanh"}},
          {"bias", Type::boolean, false, true, "", {}}};
}

TEST(Options, FillInDefaults) {
  const Options options("net", declared(), {{"width", int64_t{3}}});
  EXPECT_EQ(options.integer("width"), 3);
  EXPECT_EQ(options.real("rate"), 0.5);
  EXPECT_EQ(options.integers("hidden"), std::vector<int64_t>{8});
  EXPECT_TRUE(options.texts("tags").empty());
  EXPECT_EQ(options.text("kind"), "relu");
  EXPECT_TRUE(options.boolean("bias"));
}

TEST(Options, AcceptAnIntegerAsARealAndAnEmptyListOfEitherType) {
  const Options options("net", declared(),
                        {{"width", int64_t{3}}, {"rate", int64_t{2}}, {"hidden", std::vector<std::string>{}}});
  EXPECT_EQ(options.real("rate"), 2.0);
  EXPECT_TRUE(options.integers("hidden").empty());
}

TEST(Options, ListEveryProblemInOneError) {
  const std::string text = message_of([] {
    Options("net", declared(),
            {{"hiden", std::vector<int64_t>{4}}, {"rate", std::string("fast")}, {"kind", std::string("rely")}});
  });
  EXPECT_TRUE(contains(text, "Architecture 'net'")) << text;
  EXPECT_TRUE(contains(text, "'width' is missing: expected integer, units of the layer")) << text;
  EXPECT_TRUE(contains(text, "'hiden' is not an option")) << text;
  EXPECT_TRUE(contains(text, "Did you mean 'hidden'?")) << text;
  EXPECT_TRUE(contains(text, "'rate' expected real, received text fast")) << text;
  EXPECT_TRUE(contains(text, "'kind' cannot be 'rely'")) << text;
  EXPECT_TRUE(contains(text, "Did you mean 'relu'?")) << text;
}

TEST(Options, DoNotRoundARealToAnInteger) {
  const std::string text = message_of([] { Options("net", declared(), {{"width", 3.5}}); });
  EXPECT_TRUE(contains(text, "'width' expected integer, received real 3.5")) << text;
}

TEST(Options, RefuseADefaultOfAnotherType) {
  const std::string text = message_of([] { Options("net", {{"width", Type::integer, false, true, "", {}}}, {}); });
  EXPECT_TRUE(contains(text, "has a default of another type: expected integer, received boolean true")) << text;
}

TEST(Options, RefuseToReadWhatIsNotDeclared) {
  const Options options("net", declared(), {{"width", int64_t{3}}});
  EXPECT_TRUE(contains(message_of([&] { options.integer("widht"); }), "which it does not declare"));
  EXPECT_TRUE(contains(message_of([&] { options.text("width"); }), "declares it as integer"));
}

TEST(OptionValue, PrintsAsYamlWritesIt) {
  EXPECT_EQ(to_string(OptionValue(true)), "true");
  EXPECT_EQ(to_string(OptionValue(int64_t{-3})), "-3");
  EXPECT_EQ(to_string(OptionValue(0.1)), "0.1");
  EXPECT_EQ(to_string(OptionValue(std::string("relu"))), "relu");
  EXPECT_EQ(to_string(OptionValue(std::vector<int64_t>{64, 32})), "[64, 32]");
  EXPECT_EQ(to_string(OptionValue(std::vector<std::string>{"a", "b"})), "[a, b]");
}

}  // namespace
}  // namespace nfopt
