// A test's process may end in any way: each of them is a result.

#include <gtest/gtest.h>
#include <nfopt/nflayers/spec/error.h>
#include <nfopt/runtime/conformance/isolated_process.h>

#include <csignal>

namespace nfopt::conformance {
namespace {

using Kind = ProcessEnd::Kind;

ProcessEnd shell(const std::string& script, std::chrono::milliseconds limit = std::chrono::seconds(20)) {
  return run_isolated({"/bin/sh", "-c", script}, limit);
}

TEST(IsolatedProcess, KeepsReportAndOutputApart) {
  const ProcessEnd end = shell("echo report >&3; echo printed; echo complained >&2; exit 5");
  EXPECT_EQ(end.kind, Kind::exited);
  EXPECT_EQ(end.status, 5);
  EXPECT_EQ(end.report, "report\n");
  EXPECT_EQ(end.output, "printed\ncomplained\n");
}

TEST(IsolatedProcess, NamesTheSignalThatEndedIt) {
  const ProcessEnd end = shell("echo before >&3; kill -SEGV $$");
  EXPECT_EQ(end.kind, Kind::killed_by_signal);
  EXPECT_EQ(end.signal, SIGSEGV);
  EXPECT_EQ(end.report, "before\n");
  EXPECT_EQ(signal_name(SIGSEGV), "SIGSEGV (Segmentation fault)");
}

TEST(IsolatedProcess, EndsWhenItsTimeIsOver) {
  const auto start = std::chrono::steady_clock::now();
  const ProcessEnd end = shell("echo waiting; exec sleep 600", std::chrono::milliseconds(200));
  EXPECT_EQ(end.kind, Kind::timed_out);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(30));
}

TEST(IsolatedProcess, DoesNotWaitForWhatItsChildrenHoldOpen) {
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(shell("sleep 30 & exit 0").kind, Kind::exited);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20));
}

TEST(IsolatedProcess, KeepsAllOfALongReportAndTheEndOfALongOutput) {
  const ProcessEnd end = shell("head -c 300000 /dev/zero >&3; head -c 300000 /dev/zero; printf end");
  EXPECT_EQ(end.report.size(), 300000u);
  EXPECT_LT(end.output.size(), 20000u);
  EXPECT_TRUE(end.output.ends_with("end"));
}

TEST(IsolatedProcess, SaysWhenThereIsNoSuchProgram) {
  EXPECT_THROW(run_isolated({"/nowhere/nfopt"}, std::chrono::seconds(1)), Error);
}

}  // namespace
}  // namespace nfopt::conformance
