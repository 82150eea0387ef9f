// Deliberately bad plugins (tests/plugins/bad): each is refused with a message of its own, and nothing crashes.

#include <nfopt/runtime/plugin/instance.h>
#include <nfopt/runtime/plugin/registry.h>

#include <filesystem>

#include "expect_refusal.h"

namespace nfopt {
namespace {

using testing::contains;
using testing::expect_refusal;
using testing::message_of;
using Directories = std::vector<SearchDirectory>;
using Reason = PluginError::Reason;

std::filesystem::path file(const std::string& name) {
  return std::filesystem::path(NFOPT_TEST_PLUGINS) / (name + ".nfopt.so");
}

void expect_load_refused(Reason reason, const std::string& text, const std::string& name) {
  Registry registry{Directories{}};
  expect_refusal(reason, text, [&] { registry.load(file(name)); });
  expect_refusal(reason, file(name).string(), [&] { registry.load(file(name)); });  // the message names the file
  EXPECT_TRUE(registry.entries().empty());
}

TEST(Loading, MakesAnArchitectureThatDescribesItsTensors) {
  Registry registry{Directories{}};
  const Instance instance = instantiate(registry.load(file("described")), {});
  EXPECT_EQ(instance.space->tensors().at(0).name, "vector");
  EXPECT_EQ(instance.space->parameter_count(), 3);
}

TEST(Loading, RefusesAnotherAbiWithATable) {
  expect_load_refused(Reason::incompatible, "was built for another nfopt", "abi_from_the_future");
  Registry registry{Directories{}};
  const std::string text = message_of([&] { registry.load(file("abi_from_the_future")); });
  EXPECT_TRUE(contains(text, "ABI         3             2")) << text;
  EXPECT_TRUE(contains(text, "99.0.0")) << text;
}

TEST(Loading, RefusesAManifestOfAnotherSize) {
  expect_load_refused(Reason::incompatible, "manifest", "struct_too_small");
}
TEST(Loading, RefusesALibraryThatIsNotOurs) { expect_load_refused(Reason::no_manifest, "not a plugin", "no_manifest"); }
TEST(Loading, RefusesAManifestWithoutAnEntry) { expect_load_refused(Reason::no_entry, "does not export", "no_entry"); }
TEST(Loading, RefusesAnUndefinedSymbolAtOnce) {
  expect_load_refused(Reason::unresolved_symbol, "defined_nowhere", "undefined_symbol");
}
TEST(Loading, CopiesTheTextOfAConstructorsException) {
  expect_load_refused(Reason::throws, "no licence found", "throws_in_constructor");
}
TEST(Loading, SurvivesWhatIsNoStdException) { expect_load_refused(Reason::throws, "info", "throws_in_info"); }
TEST(Loading, RefusesTwoNamesForOnePlugin) { expect_load_refused(Reason::id_mismatch, "another_name", "id_mismatch"); }

TEST(Loading, CopiesTheTextOfAnExceptionInDescribe) {
  Registry registry{Directories{}};
  const auto architecture = registry.load(file("throws_in_describe"));
  const std::string text = message_of([&] { architecture->describe(Options()); });
  EXPECT_TRUE(contains(text, "'throws_in_describe' failed in describe: the moon is full")) << text;
}

TEST(Loading, RefusesADescriptionWithoutTensors) {
  Registry registry{Directories{}};
  const auto architecture = registry.load(file("describes_nothing"));
  EXPECT_TRUE(contains(message_of([&] { architecture->describe(Options()); }), "describes no tensor"));
}

TEST(Loading, NamesBothFilesOfADuplicateId) {
  Registry registry{Directories{}};
  const auto folder = std::filesystem::path(NFOPT_TEST_PLUGINS) / "same_id";
  registry.load(folder / "first.nfopt.so");
  expect_refusal(Reason::duplicate_id, "first.nfopt.so", [&] { registry.load(folder / "second.nfopt.so"); });
  expect_refusal(Reason::duplicate_id, "second.nfopt.so", [&] { registry.load(folder / "second.nfopt.so"); });
  EXPECT_NO_THROW(registry.load(folder / "first.nfopt.so"));
}

}  // namespace
}  // namespace nfopt
