#pragma once

#include <nfopt/runtime/conformance/findings.h>
#include <nfopt/runtime/conformance/target.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace nfopt::conformance {

/// How `nfopt plugin check` runs.
struct CheckOptions {
  uint64_t seed = 0;
  std::string only;                              ///< exactly this test
  std::string filter;                            ///< tests whose name contains this
  std::string example;                           ///< only this example
  std::map<std::string, std::string> overrides;  ///< options of every example
  enum class Place : uint8_t { own_processes, here };
  Place place = Place::own_processes;  ///< `here`: where a debugger is; a crash ends everything
  std::chrono::seconds limit{120};     ///< of one test's process
};

/// A test's name and what it makes sure of.
struct TestName {
  std::string name;
  std::string sentence;
  std::string after;  ///< the test without which this one makes no sense
};

/// Every test of `nfopt plugin check`: those of the file, then those of every example.
NFOPT_API std::vector<TestName> all_tests();
/// The tests that --only and --filter select. Throws Error that lists the names when there is none.
NFOPT_API std::vector<TestName> selected_tests(const CheckOptions& options);

struct TestResult {
  enum class Outcome : uint8_t { passed, failed, skipped };
  TestName test;
  Outcome outcome = Outcome::passed;
  std::vector<std::string> failures;  ///< equal texts of several examples stand once, with their names
  std::vector<std::string> notes;     ///< and reasons why it was skipped
  double milliseconds = 0.0;
};

/// Runs the selected tests on one target, those that do not depend on each other at the same time. `finished` is called
/// in the order of the list. A crash, an endless loop and a call of exit() are results of the test they happen in.
NFOPT_API std::vector<TestResult> check(const Target& target, const CheckOptions& options,
                                        const std::function<void(const TestResult&)>& finished);

/// One test in this process, every finding as it comes: what a test's own process does. It computes on one thread from
/// then on.
NFOPT_API void run_test(const Target& target, const std::string& test, const CheckOptions& options, Findings& findings);

}  // namespace nfopt::conformance
