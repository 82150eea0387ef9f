#include <gtest/gtest.h>
#include <nfopt/runtime/io/progress.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <thread>

#include "tests/runtime/io/temporary_folder.h"
#include "tests/runtime/io/terminal.h"

namespace nfopt {
namespace {

using Clock = std::chrono::steady_clock;
using FilePtr = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

FilePtr open(const std::string& name) { return {std::fopen(name.c_str(), "w"), &std::fclose}; }

void wait_until_due(const Progress& progress) {
  while (!progress.due()) std::this_thread::sleep_for(std::chrono::milliseconds(5));
}

TEST(Progress, TellsStepsSpeedAndTheTimeLeftOfThisProcess) {
  testing::Terminal terminal;
  const FilePtr stream = open(terminal.name());
  // A resumed run: 400 of 1,000 steps were done by another process.
  const auto begin = Clock::now();
  Progress progress("unf seed 3", 400, 1000, stream.get());
  const auto made = Clock::now();
  wait_until_due(progress);
  const auto before = Clock::now();
  progress.update(500, "1234 inner steps/s");
  const auto after = Clock::now();

  const std::string text = terminal.read();
  for (const std::string part :
       {"unf seed 3  500/1000", " 50%", "============------------", " steps/s", " left", "1234 inner steps/s"})
    EXPECT_TRUE(contains(text, part)) << "'" << part << "' in " << text;
  // 100 steps took t, so that the other 500 take 5 t. Printed with one digit behind the point, or none from 10 s on.
  const size_t left = text.find(" s left");
  ASSERT_NE(left, std::string::npos) << text;
  const double shown = std::atof(text.c_str() + text.rfind(' ', left - 1) + 1);
  const auto seconds = [](Clock::duration d) { return std::chrono::duration<double>(d).count(); };
  EXPECT_GE(shown, 5 * seconds(before - made) - 0.51) << text;
  EXPECT_LE(shown, 5 * seconds(after - begin) + 0.51) << text;
  EXPECT_GT(shown, 0);
}

TEST(Progress, TheLastStepHasNothingLeft) {
  testing::Terminal terminal;
  const FilePtr stream = open(terminal.name());
  Progress progress("adam", 0, 7, stream.get());
  wait_until_due(progress);
  progress.update(7, "");
  EXPECT_TRUE(contains(terminal.read(), "7/7  100%")) << terminal.read();
  EXPECT_FALSE(contains(terminal.read(), " left")) << terminal.read();
  progress.finish();
  EXPECT_TRUE(terminal.read().ends_with("\r\033[K")) << "the bar is removed";
}

TEST(Progress, NarrowTerminalsGetAShorterLineAndFilesNoBar) {
  testing::Terminal terminal(40);
  {
    const FilePtr stream = open(terminal.name());
    Progress progress("per_parameter_mlp seed 0", 0, 1000, stream.get());
    wait_until_due(progress);
    progress.update(1, "a long status that has no room");
  }
  const std::string text = terminal.read();
  const size_t begin = text.find("per_parameter_mlp");
  ASSERT_NE(begin, std::string::npos);
  EXPECT_EQ(text.find('\r', begin) - begin, 39u) << text;

  const testing::TemporaryFolder folder;
  {
    const FilePtr stream = open(folder / "log");
    Progress progress("adam", 0, 1000, stream.get());
    progress.update(1, "");
    EXPECT_FALSE(progress.due()) << "a line every ten seconds";
    progress.say("resumed");
  }
  EXPECT_EQ(testing::text_of(folder / "log"), "resumed\n");
}

TEST(DurationText, HasTheUnitsOfItsSize) {
  EXPECT_EQ(duration_text(4.21), "4.2 s");
  EXPECT_EQ(duration_text(42.4), "42 s");
  EXPECT_EQ(duration_text(185), "3 min 5 s");
  EXPECT_EQ(duration_text(7800), "2 h 10 min");
}

}  // namespace
}  // namespace nfopt
