#include "conformance.h"

#include <gtest/gtest.h>
#include <nfopt/nflayers/action/random_element.h>
#include <nfopt/runtime/conformance/conformance_test.h>
#include <nfopt/runtime/conformance/function_probe.h>

namespace nfopt::testing {
namespace {

using conformance::Finding;
using conformance::Findings;

void expect_conformance(const ArchitecturePtr& architecture, const Example& example) {
  std::string trace = architecture->info().name + " " + example.name;
  for (const auto& [name, value] : example.options) trace += " " + name + "=" + to_string(value);
  const conformance::Subject subject{architecture, example, Rng(20261122).purpose(example.name)};
  for (const auto& test : conformance::conformance_tests()) {
    Findings findings([&](const Finding& finding) {
      if (finding.kind == Finding::Kind::failure) ADD_FAILURE() << trace << "\n" << test.name << ": " << finding.text;
    });
    conformance::run(test, subject, findings);
  }
}

}  // namespace

void expect_conformance(const Subject& subject) {
  expect_conformance(subject.architecture, Example{.name = "options",
                                                   .options = subject.options,
                                                   .input_shape = subject.example,
                                                   .vocabulary = subject.vocabulary});
}

void expect_conformance_of_examples(const ArchitecturePtr& architecture) {
  ASSERT_FALSE(architecture->examples().empty()) << architecture->info().name << " names no example";
  for (const auto& example : architecture->examples()) expect_conformance(architecture, example);
}

double symmetry_error(const WeightSpacePtr& space, const Network& network, const std::vector<int64_t>& example,
                      const Rng& rng, int64_t vocabulary) {
  const Example input{.name = "", .options = {}, .input_shape = example, .vocabulary = vocabulary};
  const conformance::FunctionProbe probe(network, space, input, false, rng);
  return probe.error(GroupAction(*space, random_symmetry(*space, rng.purpose("g")))).relative;
}

Members random_members(const WeightSpacePtr& space, const Network& network, int64_t size, const Rng& rng) {
  return conformance::random_members(space, network, size, rng);
}

}  // namespace nfopt::testing
