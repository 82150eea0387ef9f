// nfopt plugin check: the conformance tests, each in a process of its own, and a table at the end.

#include <nfopt/nflayers/spec/error.h>
#include <nfopt/nflayers/spec/table.h>
#include <nfopt/runtime/cli/plugin_subcommands.h>
#include <nfopt/runtime/conformance/check.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace nfopt::cli {
namespace {

using conformance::CheckOptions;
using conformance::Target;
using conformance::TestName;
using conformance::TestResult;
using Outcome = TestResult::Outcome;

constexpr size_t kShown = 4;  // failures and notes of one test: a wrong label is wrong in every example

struct CheckArguments {
  std::vector<std::string> targets;
  std::vector<std::string> settings;
  CheckOptions options;
  int64_t limit = 120;
  bool all = false;
  bool in_process = false;
  bool list = false;
};

// Counts of one target's tests.
struct Tally {
  std::string name;
  int passed = 0, failed = 0, skipped = 0, notes = 0;
  double milliseconds = 0.0;
};

const char* word(Outcome outcome) {
  return outcome == Outcome::passed ? "pass" : outcome == Outcome::failed ? "FAIL" : "-";
}

void print_indented(const std::string& text, const char* first) {
  std::string indent = first;
  for (size_t at = 0; at <= text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    std::printf("      %s%s\n", indent.c_str(), text.substr(at, end - at).c_str());
    indent.assign(indent.size(), ' ');
    at = end + 1;
  }
}

// How to see it again, under a debugger if need be.
std::string repeat(const Target& target, const TestResult& result, const CheckArguments& arguments) {
  std::string text = "again: nfopt plugin check " + target.file.string() + " --only " + result.test.name + " --seed " +
                     std::to_string(arguments.options.seed);
  if (!arguments.options.example.empty()) text += " --example " + arguments.options.example;
  for (const auto& setting : arguments.settings) text += " --set '" + setting + "'";
  return text + " --in-process";
}

void print(const Target& target, const TestResult& result, const CheckArguments& arguments) {
  if (result.outcome == Outcome::skipped) {
    std::printf("  %-22s %-72s %s  %s\n", result.test.name.c_str(), result.test.sentence.c_str(), word(result.outcome),
                result.notes.empty() ? "" : result.notes.front().c_str());
    return;
  }
  std::printf("  %-22s %-72s %s %6.0f ms\n", result.test.name.c_str(), result.test.sentence.c_str(),
              word(result.outcome), result.milliseconds);
  for (size_t i = 0; i < std::min(result.failures.size(), kShown); ++i) print_indented(result.failures[i], "");
  if (result.failures.size() > kShown) std::printf("      and %zu more\n", result.failures.size() - kShown);
  for (size_t i = 0; i < std::min(result.notes.size(), kShown); ++i) print_indented(result.notes[i], "note: ");
  if (result.notes.size() > kShown) std::printf("      and %zu more notes\n", result.notes.size() - kShown);
  if (result.outcome == Outcome::failed) print_indented(repeat(target, result, arguments), "");
  std::fflush(stdout);
}

Tally check_one(const Target& target, const CheckArguments& arguments) {
  std::printf("%s   seed %llu\n", conformance::title(target).c_str(),
              static_cast<unsigned long long>(arguments.options.seed));
  std::fflush(stdout);
  Tally tally;
  tally.name = target.file.filename().string();
  conformance::check(target, arguments.options, [&](const TestResult& result) {
    print(target, result, arguments);
    tally.passed += result.outcome == Outcome::passed;
    tally.failed += result.outcome == Outcome::failed;
    tally.skipped += result.outcome == Outcome::skipped;
    if (result.outcome != Outcome::skipped) tally.notes += static_cast<int>(result.notes.size());
    tally.milliseconds += result.milliseconds;
  });
  std::printf("%d passed, %d failed, %d skipped\n", tally.passed, tally.failed, tally.skipped);
  return tally;
}

void print_table(const std::vector<Tally>& tallies) {
  std::vector<std::vector<std::string>> rows = {{"", "passed", "failed", "skipped", "notes", "seconds"}};
  for (const auto& tally : tallies) {
    char seconds[32];
    std::snprintf(seconds, sizeof seconds, "%.1f", tally.milliseconds / 1000.0);
    rows.push_back({tally.name, std::to_string(tally.passed), std::to_string(tally.failed),
                    std::to_string(tally.skipped), std::to_string(tally.notes), seconds});
  }
  std::printf("\n%s", aligned(rows, "").c_str());
}

void list_tests(const CheckOptions& options) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& test : conformance::selected_tests(options)) rows.push_back({test.name, test.sentence});
  std::fputs(aligned(rows, "").c_str(), stdout);
}

std::map<std::string, std::string> overrides_of(const std::vector<std::string>& settings) {
  std::map<std::string, std::string> overrides;
  for (const auto& setting : settings) {
    const size_t equal = setting.find('=');
    if (equal == std::string::npos || equal == 0)
      throw Error("plugin check", "--set expects key=value, received '" + setting + "'.");
    overrides[setting.substr(0, equal)] = setting.substr(equal + 1);
  }
  return overrides;
}

void check(CheckArguments arguments) {
  if (arguments.list) return list_tests(arguments.options);
  arguments.options.overrides = overrides_of(arguments.settings);
  arguments.options.limit = std::chrono::seconds(arguments.limit);
  if (arguments.in_process) arguments.options.place = CheckOptions::Place::here;
  conformance::selected_tests(arguments.options);  // a filter without a match is wrong use, for every target
  std::vector<Target> targets = arguments.all ? conformance::all_targets() : std::vector<Target>{};
  for (const auto& word : arguments.targets) {
    const auto found = conformance::find_targets(word);
    targets.insert(targets.end(), found.begin(), found.end());
  }
  if (targets.empty())
    throw Error("plugin check", arguments.all ? "no plugin in the search directories: `nfopt plugin list` names them."
                                              : "expected a plugin: a file, a name, a folder, a YAML file, or --all.");
  std::vector<Tally> tallies;
  for (const auto& target : targets) {
    if (!tallies.empty()) std::printf("\n");
    tallies.push_back(check_one(target, arguments));
  }
  if (tallies.size() > 1) print_table(tallies);
  if (std::any_of(tallies.begin(), tallies.end(), [](const Tally& tally) { return tally.failed > 0; }))
    throw CLI::RuntimeError(1);
}

}  // namespace

void add_plugin_check(CLI::App& plugin) {
  auto* app = plugin.add_subcommand("check", "Run the conformance tests, each in a process of its own");
  const auto arguments = std::make_shared<CheckArguments>();
  app->add_option("plugin", arguments->targets, "files (*.nfopt.so, *.yaml), names or folders");
  app->add_flag("--all", arguments->all, "every plugin of the search directories");
  app->add_option("--filter", arguments->options.filter, "tests whose name contains this");
  app->add_option("--only", arguments->options.only, "the test of exactly this name");
  app->add_option("--example", arguments->options.example, "one example instead of all");
  app->add_option("--set", arguments->settings, "key=value, an option of every example")->allow_extra_args(false);
  app->add_option("--seed", arguments->options.seed, "of weights, inputs and permutations")->capture_default_str();
  app->add_option("--timeout", arguments->limit, "seconds for one test")
      ->check(CLI::Range(1, 86400))
      ->capture_default_str();
  app->add_flag("--in-process", arguments->in_process, "all tests in this process, for a debugger");
  app->add_flag("--list", arguments->list, "names of the tests and what each makes sure of");
  app->footer("Exit status: 0 all passed, 1 a test failed, 2 wrong use.");
  app->callback([arguments] { check(*arguments); });
}

}  // namespace nfopt::cli
