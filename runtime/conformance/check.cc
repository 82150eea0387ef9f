#include <ATen/Parallel.h>
#include <nfopt/nflayers/spec/error.h>
#include <nfopt/nflayers/spec/near_names.h>
#include <nfopt/runtime/conformance/check.h>
#include <nfopt/runtime/conformance/conformance_test.h>
#include <nfopt/runtime/conformance/findings_wire.h>
#include <nfopt/runtime/conformance/isolated_process.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <utility>

namespace nfopt::conformance {
namespace {

using Outcome = TestResult::Outcome;

struct FileTest {
  TestName name;
  void (*check)(const Target&, Findings&);
};

const std::vector<FileTest>& file_tests() {
  static const std::vector<FileTest> tests = {
      {{"manifest-complete", "the file is a plugin for this host, and every mandatory field is set", ""},
       check_manifest},
      {{"loads", "binds all symbols at once and makes its architecture", "manifest-complete"}, check_loading},
  };
  return tests;
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

// Findings of all examples, equal texts together.
class Collector {
 public:
  void add(const Finding& finding) {
    switch (finding.kind) {
      case Finding::Kind::example:
        example_ = finding.text;
        ++examples_;
        return;
      case Finding::Kind::failure:
        put(failures_, finding.text);
        return;
      case Finding::Kind::note:
        put(notes_, finding.text);
        return;
      case Finding::Kind::skipped:
        put(skips_, finding.text);
        ++skipped_;
        return;
    }
  }
  const std::string& example() const { return example_; }

  TestResult result(TestName test, double milliseconds) const {
    TestResult result;
    result.test = std::move(test);
    result.milliseconds = milliseconds;
    result.failures = texts(failures_);
    result.notes = texts(skips_);
    const auto notes = texts(notes_);
    result.notes.insert(result.notes.end(), notes.begin(), notes.end());
    if (!failures_.empty())
      result.outcome = Outcome::failed;
    else if (skipped_ > 0 && skipped_ >= examples_)
      result.outcome = Outcome::skipped;
    return result;
  }

 private:
  using Texts = std::vector<std::pair<std::string, std::vector<std::string>>>;

  void put(Texts& texts, const std::string& text) const {
    const auto known = std::find_if(texts.begin(), texts.end(), [&](const auto& entry) { return entry.first == text; });
    if (known == texts.end())
      texts.push_back({text, {example_}});
    else
      known->second.push_back(example_);
  }
  std::vector<std::string> texts(const Texts& all) const {
    std::vector<std::string> lines;
    for (const auto& [text, examples] : all) {
      const bool everywhere = static_cast<int>(examples.size()) >= examples_;
      lines.push_back(everywhere ? text : joined(examples) + ": " + text);
    }
    return lines;
  }

  std::string example_;
  int examples_ = 0;
  int skipped_ = 0;
  Texts failures_, notes_, skips_;
};

std::string indented_output(const std::string& output) {
  return output.empty() ? "" : "\nits last output: " + output.substr(0, output.find_last_not_of('\n') + 1);
}

TestResult result_of(const TestName& test, const ProcessEnd& end, const CheckOptions& options) {
  const WiredReport report = read_report(end.report);
  Collector collector;
  for (const auto& finding : report.findings) collector.add(finding);
  if (end.kind == ProcessEnd::Kind::killed_by_signal) {
    collector.add({Finding::Kind::failure, "crashes with " + signal_name(end.signal) + indented_output(end.output)});
  } else if (end.kind == ProcessEnd::Kind::timed_out) {
    collector.add({Finding::Kind::failure, "does not come to an end within " + std::to_string(options.limit.count()) +
                                               " s" + indented_output(end.output)});
  } else if (!report.complete) {
    collector.add({Finding::Kind::failure, "ends the process with exit status " + std::to_string(end.status) +
                                               " in the middle of the test" + indented_output(end.output)});
  }
  return collector.result(test, report.complete ? report.milliseconds : end.time.count());
}

TestResult run_here(const Target& target, const TestName& test, const CheckOptions& options) {
  Collector collector;
  Findings findings([&](const Finding& finding) { collector.add(finding); });
  const auto start = std::chrono::steady_clock::now();
  run_test(target, test.name, options, findings);
  const std::chrono::duration<double, std::milli> wall = std::chrono::steady_clock::now() - start;
  return collector.result(test, wall.count());
}

// Tests whose results nothing waits for: at the same time, if in processes of their own.
std::vector<TestResult> run_wave(const Target& target, const std::vector<TestName>& wave, const CheckOptions& options) {
  std::vector<TestResult> results;
  if (options.place == CheckOptions::Place::here) {
    for (const auto& test : wave) results.push_back(run_here(target, test, options));
    return results;
  }
  std::vector<ProcessBody> bodies;
  for (const auto& test : wave)
    bodies.push_back([&](int report) {
      const FindingsWriter writer(report);
      Findings findings([&](const Finding& finding) { writer.write(finding); });
      run_test(target, test.name, options, findings);
    });
  const std::vector<ProcessEnd> ends = run_isolated(bodies, options.limit);
  for (size_t i = 0; i < wave.size(); ++i) results.push_back(result_of(wave[i], ends[i], options));
  return results;
}

}  // namespace

std::vector<TestName> all_tests() {
  std::vector<TestName> tests;
  for (const auto& test : file_tests()) tests.push_back(test.name);
  for (const auto& test : conformance_tests())
    tests.push_back({test.name, test.sentence, *test.after ? test.after : "loads"});
  return tests;
}

std::vector<TestName> selected_tests(const CheckOptions& options) {
  std::vector<TestName> selected;
  std::vector<std::string> names;
  for (const auto& test : all_tests()) {
    names.push_back(test.name);
    if (!options.only.empty() && test.name != options.only) continue;
    if (test.name.find(options.filter) != std::string::npos) selected.push_back(test);
  }
  const std::string& asked = options.only.empty() ? options.filter : options.only;
  if (selected.empty()) throw Error("plugin check", "No test '" + asked + "'." + known_names(asked, names));
  return selected;
}

std::vector<TestResult> check(const Target& target, const CheckOptions& options,
                              const std::function<void(const TestResult&)>& finished) {
  std::vector<TestName> waiting = selected_tests(options);
  std::vector<TestResult> results;
  const auto result_of = [&](const std::string& name) {
    return std::find_if(results.begin(), results.end(), [&](const auto& result) { return result.test.name == name; });
  };
  while (!waiting.empty()) {
    std::vector<TestName> wave, later;
    for (auto& test : waiting) {
      const bool blocked =
          std::any_of(waiting.begin(), waiting.end(), [&](const TestName& other) { return other.name == test.after; });
      if (blocked) {
        later.push_back(test);
        continue;
      }
      const auto before = result_of(test.after);
      if (before == results.end() || before->outcome == Outcome::passed ||
          (before->outcome == Outcome::skipped && before->test.name == "manifest-complete")) {
        wave.push_back(test);
      } else {
        const bool failed = before->outcome == Outcome::failed;
        TestResult result{.test = test, .outcome = Outcome::skipped, .failures = {}, .notes = {}};
        result.notes = failed ? std::vector<std::string>{"needs " + test.after} : before->notes;
        results.push_back(std::move(result));  // `before` points into results: no longer valid
        finished(results.back());
      }
    }
    for (auto& result : run_wave(target, wave, options)) {
      results.push_back(std::move(result));
      finished(results.back());
    }
    waiting = std::move(later);
  }
  return results;
}

void run_test(const Target& target, const std::string& test, const CheckOptions& options, Findings& findings) {
  at::set_num_threads(1);  // sums over one and over two threads differ in their last bits
  try {
    for (const auto& file_test : file_tests()) {
      if (file_test.name.name != test) continue;
      file_test.check(target, findings);
      return;
    }
    const ConformanceTest& conformance = conformance_test(test);
    const ArchitecturePtr architecture = open(target);
    std::vector<std::string> names;
    bool found = false;
    for (const auto& example : examples_of(architecture, options.overrides)) {
      names.push_back(example.name);
      if (!options.example.empty() && example.name != options.example) continue;
      found = true;
      findings.example(example.name);
      run(conformance, Subject{architecture, example, Rng(options.seed).purpose(example.name)}, findings);
    }
    if (!found) findings.fail("No example '" + options.example + "'." + known_names(options.example, names));
  } catch (const std::exception& error) {
    findings.fail(error.what());
  }
}

}  // namespace nfopt::conformance
