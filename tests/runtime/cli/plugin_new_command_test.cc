// `nfopt plugin new` writes files; that they build, pass and train is tests/package.

#include <gtest/gtest.h>

#include "tests/runtime/cli/command.h"

namespace nfopt {
namespace {

namespace fs = std::filesystem;
using testing::Command;
using testing::Outcome;
using testing::TemporaryFolder;
using testing::text_of;

Outcome create(const std::string& name, const fs::path& parent) {
  return Command({"plugin", "new", name, "--dir", parent.string()}).run();
}

TEST(PluginNew, WritesAFolderUnderTheNewName) {
  const TemporaryFolder folder;
  const Outcome outcome = create("my_gru2", folder.path());
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  for (const char* file :
       {"CMakeLists.txt", "README.md", "config.yaml", "my_gru2.cc", "my_gru2_network.cc", "my_gru2_network.h"}) {
    const std::string text = text_of(folder / "my_gru2" / file);
    EXPECT_NE(text.find("my_gru2"), std::string::npos) << file;
    EXPECT_EQ(text.find("example_net"), std::string::npos) << file;
    EXPECT_EQ(text.find("ExampleNet"), std::string::npos) << file;
  }
  EXPECT_NE(text_of(folder / "my_gru2" / "my_gru2.cc").find("class MyGru2Architecture"), std::string::npos);
  EXPECT_NE(outcome.out.find("nfopt plugin check build/plugins/my_gru2.nfopt.so"), std::string::npos);
}

TEST(PluginNew, NeverWritesIntoWhatIsThere) {
  const TemporaryFolder folder;
  ASSERT_EQ(create("gru", folder.path()).status, 0);
  const Outcome again = create("gru", folder.path());
  EXPECT_EQ(again.status, 2);
  EXPECT_NE(again.err.find("exists"), std::string::npos) << again.err;
}

TEST(PluginNew, RefusesNamesThatCannotBeIds) {
  const TemporaryFolder folder;
  for (const char* name : {"Gru", "2gru", "gru-cell", "../gru", "g ru", "", "abcdefghijklmnopqrstuvwxyz_123456"}) {
    const Outcome outcome = create(name, folder.path());
    EXPECT_EQ(outcome.status, 2) << name;
    EXPECT_FALSE(fs::exists(folder.path() / name) && *name) << name;
  }
}

}  // namespace
}  // namespace nfopt
