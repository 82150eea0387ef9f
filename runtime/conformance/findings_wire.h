#pragma once

#include <nfopt/runtime/conformance/findings.h>

#include <chrono>
#include <string>
#include <vector>

namespace nfopt::conformance {

/// Findings on their way from a test's process: one line each, a letter, a space, the text with "\\" and "\n" escaped.
/// The last line is "end <milliseconds>"; a report without it was cut short.
class FindingsWriter {
 public:
  explicit FindingsWriter(int descriptor);
  ~FindingsWriter();  ///< writes the last line: a process that ends in the middle of a test never comes to this
  void write(const Finding& finding) const;

 private:
  int descriptor_;
  std::chrono::steady_clock::time_point start_;
};

struct WiredReport {
  std::vector<Finding> findings;
  bool complete = false;
  double milliseconds = 0.0;
};
/// Lines that are none of ours are left out: a plugin may write into any descriptor.
WiredReport read_report(const std::string& text);

}  // namespace nfopt::conformance
