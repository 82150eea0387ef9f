// A test's process may end in any way: each of them is a result.

#include <gtest/gtest.h>
#include <nfopt/runtime/conformance/isolated_process.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string_view>
#include <thread>

namespace nfopt::conformance {
namespace {

using Kind = ProcessEnd::Kind;

void put(int descriptor, std::string_view text) { EXPECT_GT(::write(descriptor, text.data(), text.size()), 0); }

ProcessEnd alone(const ProcessBody& body, std::chrono::milliseconds limit = std::chrono::seconds(20)) {
  return run_isolated({body}, limit).at(0);
}

TEST(IsolatedProcess, KeepsReportAndOutputApart) {
  std::printf("this waits in the buffer of the parent");
  const ProcessEnd end = alone([](int report) {
    put(report, "report\n");
    std::puts("printed");
    std::fflush(stdout);
    std::fputs("complained\n", stderr);
    std::exit(5);
  });
  EXPECT_EQ(end.kind, Kind::exited);
  EXPECT_EQ(end.status, 5);
  EXPECT_EQ(end.report, "report\n");
  EXPECT_EQ(end.output, "printed\ncomplained\n");
}

TEST(IsolatedProcess, NamesTheSignalThatEndedIt) {
  const ProcessEnd end = alone([](int report) {
    put(report, "before\n");
    std::signal(SIGSEGV, SIG_DFL);  // a sanitizer would catch it
    std::raise(SIGSEGV);
  });
  EXPECT_EQ(end.kind, Kind::killed_by_signal);
  EXPECT_EQ(end.signal, SIGSEGV);
  EXPECT_EQ(end.report, "before\n");
  EXPECT_EQ(signal_name(SIGSEGV), "SIGSEGV (Segmentation fault)");
}

TEST(IsolatedProcess, AnExceptionIsOutputAndAStatus) {
  const ProcessEnd end = alone([](int) { throw std::runtime_error("out of coffee"); });
  EXPECT_EQ(end.status, 1);
  EXPECT_EQ(end.output, "out of coffee\n");
}

TEST(IsolatedProcess, EndsWhenItsTimeIsOver) {
  const ProcessEnd end = alone(
      [](int) {
        for (;;) ::pause();
      },
      std::chrono::milliseconds(200));
  EXPECT_EQ(end.kind, Kind::timed_out);
  EXPECT_GE(end.time, std::chrono::milliseconds(200));
  EXPECT_LT(end.time, std::chrono::seconds(30));
}

TEST(IsolatedProcess, DoesNotWaitForWhatItsChildrenHoldOpen) {
  const ProcessEnd end = alone([](int) { EXPECT_EQ(std::system("sleep 30 &"), 0); });
  EXPECT_EQ(end.kind, Kind::exited);
  EXPECT_LT(end.time, std::chrono::seconds(20));
}

TEST(IsolatedProcess, KeepsAllOfALongReportAndTheEndOfALongOutput) {
  const ProcessEnd end = alone([](int report) {
    for (int i = 0; i < 300; ++i) {
      put(report, std::string(1000, 'r'));
      put(1, std::string(1000, 'o'));
    }
    put(1, "end");
  });
  EXPECT_EQ(end.report.size(), 300000u);
  EXPECT_LT(end.output.size(), 20000u);
  EXPECT_TRUE(end.output.ends_with("end"));
}

TEST(IsolatedProcess, EndsStandInTheOrderOfTheBodies) {
  std::vector<ProcessBody> bodies;
  for (int i = 0; i < 9; ++i)
    bodies.push_back([i](int report) {
      std::this_thread::sleep_for(std::chrono::milliseconds(i % 3 == 0 ? 30 : 1));
      put(report, std::to_string(i));
    });
  const auto ends = run_isolated(bodies, std::chrono::seconds(20));
  ASSERT_EQ(ends.size(), bodies.size());
  for (size_t i = 0; i < ends.size(); ++i) EXPECT_EQ(ends[i].report, std::to_string(i));
}

}  // namespace
}  // namespace nfopt::conformance
