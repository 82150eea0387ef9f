#include <nfopt/runtime/conformance/findings_wire.h>
#include <unistd.h>

#include <cstdlib>
#include <sstream>

namespace nfopt::conformance {
namespace {

constexpr char kLetters[] = {'e', 'f', 'n', 's'};  // in the order of Finding::Kind

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\')
      out += "\\\\";
    else if (c == '\n')
      out += "\\n";
    else
      out += c;
  }
  return out;
}

std::string unescaped(const std::string& text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size())
      out += text[i];
    else
      out += text[++i] == 'n' ? '\n' : text[i];
  }
  return out;
}

void write_line(int descriptor, const std::string& line) {
  if (::write(descriptor, line.data(), line.size()) < 0) return;  // nobody reads any more
}

}  // namespace

FindingsWriter::FindingsWriter(int descriptor) : descriptor_(descriptor), start_(std::chrono::steady_clock::now()) {}

FindingsWriter::~FindingsWriter() {
  const std::chrono::duration<double, std::milli> time = std::chrono::steady_clock::now() - start_;
  write_line(descriptor_, "end " + std::to_string(time.count()) + "\n");
}

void FindingsWriter::write(const Finding& finding) const {
  write_line(descriptor_, kLetters[static_cast<size_t>(finding.kind)] + (" " + escaped(finding.text)) + "\n");
}

WiredReport read_report(const std::string& text) {
  WiredReport report;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("end ")) {
      report.complete = true;
      report.milliseconds = std::atof(line.c_str() + 4);
      continue;
    }
    if (line.size() < 2 || line[1] != ' ') continue;
    for (size_t kind = 0; kind < sizeof kLetters; ++kind)
      if (line[0] == kLetters[kind])
        report.findings.push_back({static_cast<Finding::Kind>(kind), unescaped(line.substr(2))});
  }
  return report;
}

}  // namespace nfopt::conformance
