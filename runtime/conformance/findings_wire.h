#pragma once

#include <nfopt/runtime/conformance/findings.h>

#include <string>
#include <vector>

namespace nfopt::conformance {

/// Findings on their way from a test's process: one line each, a letter, a space, the text with "\\" and "\n" escaped.
/// The last line is "end <milliseconds>"; a report without it was cut short.
std::string to_line(const Finding& finding);
std::string end_line(double milliseconds);

struct WiredReport {
  std::vector<Finding> findings;
  bool complete = false;
  double milliseconds = 0.0;
};
/// Lines that are none of ours are left out: a plugin may write into any descriptor.
WiredReport read_report(const std::string& text);

}  // namespace nfopt::conformance
