#include <nfopt/runtime/plugin/plugin_search.h>
#include <nfopt/runtime/plugin/registry.h>
#include <tests/plugins/bad/minimal_architecture.h>

#include <cstdlib>
#include <filesystem>
#include <thread>

#include "expect_refusal.h"

namespace nfopt {
namespace {

namespace fs = std::filesystem;
using testing::contains;
using testing::expect_refusal;
using testing::message_of;
using testing::MinimalArchitecture;
using Directories = std::vector<SearchDirectory>;
using Reason = PluginError::Reason;

const fs::path kFolder = NFOPT_TEST_PLUGINS;

TEST(Registry, FindsByNameInItsDirectories) {
  Registry registry(Directories{{kFolder, "test"}});
  EXPECT_EQ(registry.find("described")->info().name, "described");
  EXPECT_EQ(registry.entry("described").origin, fs::canonical(kFolder / "described.nfopt.so").string());
  EXPECT_EQ(registry.find("described").get(), registry.find((kFolder / "described.nfopt.so").string()).get());
}

TEST(Registry, AMissListsNamesAndEveryDirectory) {
  Registry registry(Directories{{kFolder, "test"}, {"/nowhere/at/all", "NFOPT_PLUGIN_PATH"}});
  const std::string text = message_of([&] { registry.find("descibed"); });
  EXPECT_TRUE(contains(text, "No architecture 'descibed'")) << text;
  EXPECT_TRUE(contains(text, "Did you mean 'described'?")) << text;
  EXPECT_TRUE(contains(text, kFolder.string() + " (test)")) << text;
  EXPECT_TRUE(contains(text, "/nowhere/at/all (NFOPT_PLUGIN_PATH)")) << text;
}

TEST(Registry, RefusesTwoFilesOfOneDirectoryWithTheSameId) {
  Registry registry(Directories{{kFolder / "same_id", "test"}});
  expect_refusal(Reason::duplicate_id, "second.nfopt.so", [&] { registry.find("same_id"); });
}

TEST(Registry, ADirectoryOfAConfigComesFirst) {
  Registry registry(Directories{{"/standard", "installed"}});
  registry.add_directory("/configured");
  const auto directories = registry.directories();
  ASSERT_EQ(directories.size(), 2u);
  EXPECT_EQ(directories[0].path, "/configured");
  EXPECT_EQ(directories[0].reason, "config");
}

TEST(Registry, HoldsArchitecturesThatNeedNoFile) {
  Registry registry{Directories{}};
  registry.add(std::make_shared<MinimalArchitecture>("embedded"), "this test");
  EXPECT_EQ(registry.find("embedded")->info().name, "embedded");
  expect_refusal(Reason::duplicate_id, "this test",
                 [&] { registry.add(std::make_shared<MinimalArchitecture>("embedded"), "another place"); });
  expect_refusal(Reason::bad_manifest, "no usable name",
                 [&] { registry.add(std::make_shared<MinimalArchitecture>("Not An Id"), "this test"); });
}

TEST(Registry, RefusesAFileWhoseIdIsLinkedIn) {
  Registry registry{Directories{}};
  registry.add(std::make_shared<MinimalArchitecture>("described"), "linked in");
  expect_refusal(Reason::duplicate_id, "described.nfopt.so", [&] { registry.load(kFolder / "described.nfopt.so"); });
}

TEST(Registry, KnowsPluginsLinkedIntoTheProgram) {
  EXPECT_EQ(Registry::global().find("linked_in")->info().name, "linked_in");
  EXPECT_TRUE(contains(Registry::global().entry("linked_in").origin, "linked_in_plugin.cc"));
}

TEST(Registry, LoadsWhatItCanAndReportsTheRest) {
  Registry registry(Directories{{kFolder, "test"}});
  const auto failures = registry.load_all();
  EXPECT_TRUE(registry.entries().count("described"));
  EXPECT_FALSE(registry.entries().count("id_mismatch"));
  std::string all;
  for (const auto& failure : failures) all += failure.origin + "\n";
  for (const char* name : {"no_manifest", "no_entry", "abi_from_the_future", "struct_too_small", "undefined_symbol",
                           "throws_in_constructor", "throws_in_info", "id_mismatch"}) {
    EXPECT_TRUE(contains(all, name)) << name << " is not reported:\n" << all;
  }
  EXPECT_EQ(failures.size(), 8u) << all;
}

TEST(Registry, GivesEveryThreadTheSameArchitecture) {
  Registry registry(Directories{{kFolder, "test"}});
  std::vector<const Architecture*> found(8);
  std::vector<std::thread> threads;
  for (auto& slot : found) threads.emplace_back([&] { slot = registry.find("described").get(); });
  for (auto& thread : threads) thread.join();
  for (const auto* architecture : found) EXPECT_EQ(architecture, found[0]);
}

TEST(PluginSearch, ReadsThePathVariable) {
  ::setenv("NFOPT_PLUGIN_PATH", "/first::/second/../third:/first", 1);
  const auto directories = standard_plugin_directories();
  ::unsetenv("NFOPT_PLUGIN_PATH");
  ASSERT_GE(directories.size(), 3u);
  EXPECT_EQ(directories[0].path, "/first");
  EXPECT_EQ(directories[1].path, "/third");
  EXPECT_EQ(directories[1].reason, "NFOPT_PLUGIN_PATH");
  EXPECT_EQ(directories[2].reason, "installed");
  EXPECT_EQ(directories[2].path.filename(), "plugins");
}

TEST(PluginSearch, TellsFilesFromNames) {
  EXPECT_TRUE(names_plugin_file("gru.nfopt.so"));
  EXPECT_TRUE(names_plugin_file("./gru"));
  EXPECT_FALSE(names_plugin_file("gru"));
}

}  // namespace
}  // namespace nfopt
