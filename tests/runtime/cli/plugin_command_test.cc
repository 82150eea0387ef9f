// `nfopt plugin check`, `inspect` and `list`: on good plugins, and on everything that can be wrong with a file.

#include <gtest/gtest.h>
#include <nfopt/runtime/plugin/manifest.h>

#include <cstdio>
#include <cstring>
#include <functional>
#include <set>

#include "tests/runtime/cli/command.h"

namespace nfopt {
namespace {

namespace fs = std::filesystem;
using testing::Command;
using testing::Outcome;
using testing::TemporaryFolder;
using testing::text_of;
using testing::write_text;

const fs::path kBad = NFOPT_TEST_PLUGINS;

Outcome check(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {"plugin", "check"});
  return Command(arguments).run();
}

Outcome inspect(const fs::path& plugin) { return Command({"plugin", "inspect", plugin.string()}).run(); }

void expect(const Outcome& outcome, int status, const std::vector<std::string>& texts) {
  EXPECT_EQ(outcome.signal, 0);
  EXPECT_EQ(outcome.status, status) << outcome.out << outcome.err;
  for (const auto& text : texts)
    EXPECT_NE((outcome.out + outcome.err).find(text), std::string::npos) << "no '" << text << "' in\n"
                                                                         << outcome.out << outcome.err;
}

// A copy of a good plugin with an id of its own and other bytes in its manifest.
fs::path with_manifest(const fs::path& folder, const std::string& name,
                       const std::function<void(nfopt_manifest&)>& change) {
  std::string bytes = text_of(kBad / "described.nfopt.so");
  const uint32_t head[] = {NFOPT_MANIFEST_MAGIC, sizeof(nfopt_manifest), NFOPT_PLUGIN_ABI};
  const size_t at = bytes.find(std::string(reinterpret_cast<const char*>(head), sizeof head));
  EXPECT_NE(at, std::string::npos);
  nfopt_manifest manifest;
  std::memcpy(&manifest, bytes.data() + at, sizeof manifest);
  std::snprintf(manifest.id, sizeof manifest.id, "%s", name.substr(0, name.find('.')).c_str());
  change(manifest);
  std::memcpy(bytes.data() + at, &manifest, sizeof manifest);
  write_text(folder / name, bytes);
  return folder / name;
}

TEST(PluginCheck, PassesAGoodPluginAndSaysSo) {
  const Outcome outcome = check({"mlp", "--seed", "3"});
  expect(outcome, 0, {"mlp ", "seed 3", "manifest-complete", "function-unchanged", "0 failed"});
  EXPECT_EQ(outcome.out.find("FAIL"), std::string::npos) << outcome.out;
}

TEST(PluginCheck, RunsOneTestInItsOwnProcessOrHere) {
  expect(check({"mlp", "--only", "deterministic"}), 0, {"1 passed, 0 failed, 0 skipped"});
  expect(check({"mlp", "--only", "deterministic", "--in-process", "--example", "deep"}), 0, {"1 passed, 0 failed"});
  expect(check({"mlp", "--filter", "survives"}), 0, {"2 passed"});
}

TEST(PluginCheck, NamesTheGuiltyLabelAndItsTensors) {
  const std::string file = (kBad / "wrong_label.nfopt.so").string();
  expect(check({file}), 1,
         {"function-unchanged", "label 'h' is not a symmetry", "moved: 'first' axis 0",
          "It is one together with 'g' ('second' axis 1)", "again: nfopt plugin check " + file, "symmetries-complete",
          "needs function-unchanged", "2 failed"});
}

TEST(PluginCheck, ReportsCrashesExitsAndEndlessLoopsAsResults) {
  expect(check({(kBad / "crashes_in_describe.nfopt.so").string(), "--filter", "description"}), 1,
         {"description-parses", "crashes with SIGSEGV", "again: nfopt plugin check ", "--only description-parses",
          "--in-process"});
  expect(check({(kBad / "exits_in_describe.nfopt.so").string(), "--filter", "description"}), 1,
         {"ends the process with exit status 0 in the middle of the test"});
  expect(check({(kBad / "loops_in_describe.nfopt.so").string(), "--filter", "description", "--timeout", "2"}), 1,
         {"does not come to an end within 2 s"});
}

using Refusals = std::vector<std::pair<fs::path, std::vector<std::string>>>;

// Every kind of file that is refused before anything is asked of it, and what the message says.
Refusals unusable_files(const TemporaryFolder& folder) {
  const std::string good = text_of(kBad / "described.nfopt.so");
  write_text(folder / "text.nfopt.so", "not a library\n");
  write_text(folder / "empty.nfopt.so", "");
  write_text(folder / "truncated.nfopt.so", good.substr(0, good.size() / 2));
  const auto abi = with_manifest(folder.path(), "abi.nfopt.so", [](auto& m) { m.plugin_abi += 1; });
  const auto compiler = with_manifest(folder.path(), "compiler.nfopt.so", [](auto& m) { m.compiler_major += 1; });
  const auto torch = with_manifest(folder.path(), "torch.nfopt.so", [](auto& m) {
    m.uses_torch = 1;
    std::strcpy(m.libtorch, "1.13.0");
  });
  const std::string abi_row = "ABI         " + std::to_string(NFOPT_PLUGIN_ABI + 1);
  return {
      {folder / "text.nfopt.so", {"expected an ELF shared library"}},
      {folder / "empty.nfopt.so", {"is empty"}},
      {folder / "truncated.nfopt.so", {"truncated"}},
      {abi, {"was built for another nfopt", abi_row}},
      {compiler, {"was built for another nfopt", "compiler"}},
      {torch, {"was built for another nfopt", "1.13.0"}},
      {kBad / "no_manifest.nfopt.so", {"not a plugin"}},
      {kBad / "no_entry.nfopt.so", {"does not export"}},
      {kBad / "undefined_symbol.nfopt.so", {"cannot be loaded", "defined_nowhere"}},
      {kBad / "throws_in_constructor.nfopt.so", {"no licence found"}},
      {kBad / "throws_in_info.nfopt.so", {"failed in info()"}},
      {kBad / "id_mismatch.nfopt.so", {"another_name"}},
  };
}

TEST(PluginCheck, ExplainsEveryFileThatIsNoPlugin) {
  const TemporaryFolder folder;
  Refusals files = unusable_files(folder);
  files.push_back({kBad / "throws_in_describe.nfopt.so", {"failed in describe: the moon is full"}});
  files.push_back({kBad / "describes_nothing.nfopt.so", {"describes no tensor"}});
  for (auto& [file, texts] : files) {
    SCOPED_TRACE(file.string());
    texts.push_back("FAIL");
    // In one process: no crash may hide behind a process of its own.
    expect(check({file.string(), "--in-process"}), 1, texts);
  }
}

TEST(PluginInspect, ShowsAManifestOrSaysWhyThereIsNone) {
  expect(inspect(kBad / "described.nfopt.so"), 0, {"described 1.0.0", "Ada Example", "it only describes its tensors"});
  expect(inspect("mlp"), 0, {"hidden", "it can be trained"});
  const TemporaryFolder folder;
  Refusals files = unusable_files(folder);
  files.push_back({kBad, {"is a directory"}});
  files.push_back({folder / "none.nfopt.so", {"does not exist"}});
  for (const auto& [file, texts] : files) {
    SCOPED_TRACE(file.string());
    const Outcome outcome = inspect(file);
    expect(outcome, 2, texts);
    EXPECT_EQ(outcome.out, "");
    EXPECT_EQ(outcome.err.rfind("[plugins] ", 0), 0u) << outcome.err;
  }
}

TEST(PluginList, NamesWhatCannotBeUsedAndWhy) {
  const TemporaryFolder folder;
  const Refusals files = unusable_files(folder);
  for (const auto& [file, texts] : files)
    if (file.parent_path() == kBad) fs::copy_file(file, folder / file.filename().string());
  fs::create_directories(folder / "folder.nfopt.so");
  for (const char* name : {"first.nfopt.so", "second.nfopt.so"}) fs::copy_file(kBad / "same_id" / name, folder / name);
  const Outcome outcome = Command({"plugin", "list"}).environment("NFOPT_PLUGIN_PATH", folder.path().string()).run();
  std::vector<std::string> expected = {"mlp", "'" + (folder / "folder.nfopt.so").string() + "' is a directory",
                                       "first.nfopt.so", "second.nfopt.so"};
  for (const auto& [file, texts] : files) {
    expected.push_back("not loaded: [plugins] '" + (folder / file.filename().string()).string());
    expected.insert(expected.end(), texts.begin(), texts.end());
  }
  expect(outcome, 0, expected);
}

TEST(PluginCheck, ExplainsEveryBadDescription) {
  const TemporaryFolder folder;
  const auto yaml = [&](const std::string& name, const std::string& tensors) {
    write_text(folder / (name + ".yaml"), "architecture: " + name + "\ntensors:\n" + tensors);
    return (folder / (name + ".yaml")).string();
  };
  expect(check({yaml("unknown_key", "  - {name: w, shape: [2, 3], axis: \"[a, b]\"}\n"), "--in-process"}), 1,
         {"FAIL", "axis"});
  expect(check({yaml("unsolvable", "  - {name: w, shape: [6], axes: \"[[a, b]]\"}\n"), "--in-process"}), 1,
         {"FAIL", "description-parses", "'a'"});
  expect(check({yaml("contradiction",
                     "  - {name: w, shape: [2], axes: \"[a]\"}\n  - {name: v, shape: [3], axes: \"[a]\"}\n"),
                "--in-process"}),
         1, {"FAIL", "'w'", "'v'"});
  expect(check({yaml("overlap",
                     "  - {name: w, shape: [4], views: [{slice: {axis: 0, start: 0, stop: 3}, axes: \"[a]\"}, "
                     "{slice: {axis: 0, start: 2, stop: 4}, axes: \"[b]\"}]}\n"),
                "--in-process"}),
         1, {"FAIL", "description-parses", "'w'"});
  expect(check({yaml("cyclic", "  - {name: w, shape: [4, 4], axes: \"[a@b, b@a]\"}\n"), "--in-process"}), 1,
         {"FAIL", "description-parses", "is nested in itself"});
  const Outcome good = check({yaml("good", "  - {name: w, shape: [2, 3], axes: \"[a, ~b]\"}\n")});
  expect(good, 0, {"good, a description", "survives-yaml", "it only describes its tensors", "0 failed"});
}

TEST(PluginCheck, TakesTheExamplesOfADescription) {
  const TemporaryFolder folder;
  write_text(folder / "net.yaml",
             "architecture: net\noptions: {width: {required: true}}\nexamples: {narrow: {width: 3}, wide: {width: 7}}\n"
             "tensors:\n  - {name: w, shape: [width, 2], axes: \"[h, ~in]\"}\n");
  const std::string file = (folder / "net.yaml").string();
  expect(check({file, "--in-process"}), 0, {"0 failed"});
  expect(check({file, "--in-process", "--only", "description-parses", "--example", "wid"}), 1,
         {"No example 'wid'", "Did you mean 'wide'?"});
}

TEST(PluginCheck, ChecksAFolderAndEndsWithATable) {
  const TemporaryFolder folder;
  write_text(folder / "good.yaml", "architecture: good\ntensors:\n  - {name: w, shape: [2, 3], axes: \"[a, ~b]\"}\n");
  write_text(folder / "bad.nfopt.so", "");
  const Outcome outcome = check({folder.path().string()});
  expect(outcome, 1, {"good.yaml", "bad.nfopt.so", "passed  failed  skipped  notes  seconds"});
}

TEST(PluginCheck, TellsWrongUseFromFailedTests) {
  const TemporaryFolder folder;
  expect(check({}), 2, {"expected a plugin"});
  expect(check({(folder / "none.nfopt.so").string()}), 2, {"does not exist"});
  expect(check({folder.path().string()}), 2, {"a folder without any plugin"});
  expect(check({"mpl"}), 2, {"No architecture 'mpl'", "Did you mean 'mlp'"});
  expect(check({"mlp", "--only", "determinstic"}), 2, {"No test 'determinstic'", "Did you mean 'deterministic'"});
  expect(check({"mlp", "--filter", "xyz"}), 2, {"No test 'xyz'"});
  expect(check({"mlp", "--no-such-flag"}), 2, {"--no-such-flag"});
  expect(check({"mlp", "--only", "deterministic", "--example", "depp"}), 1,
         {"No example 'depp'", "Did you mean 'deep'"});
  expect(check({"mlp", "--only", "deterministic", "--set", "widht=3"}), 1, {"has no option 'widht'"});
}

TEST(PluginCheck, ListsItsTests) {
  const Outcome outcome = check({"--list"});
  expect(outcome, 0,
         {"manifest-complete", "function-unchanged", "random permutations leave the network's output alone"});
}

}  // namespace
}  // namespace nfopt
