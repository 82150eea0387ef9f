#include "conformance.h"

#include <gtest/gtest.h>
#include <nfopt/nflayers/action/random_element.h>
#include <nfopt/nflayers/spec/error.h>
#include <nfopt/nflayers/spec/text.h>
#include <nfopt/runtime/conformance/conformance_test.h>
#include <nfopt/runtime/conformance/function_probe.h>
#include <nfopt/runtime/network/trainable.h>

#include <algorithm>

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

Example example_of(const ArchitecturePtr& architecture, const std::string& name) {
  for (Example& example : architecture->examples())
    if (example.name == name) return example;
  throw Error("test", "'" + architecture->info().name + "' has no example '" + name + "'.");
}

Instance instance_of(const ArchitecturePtr& architecture, const std::string& example) {
  return instantiate(architecture, example_of(architecture, example).options);
}

double edited_error(const ArchitecturePtr& architecture, const std::string& name, const std::vector<Edit>& edits) {
  const Example example = example_of(architecture, name);
  const Instance instance = instantiate(architecture, example.options);
  auto descriptions = instance.space->descriptions();
  for (const auto& [where, from, to] : edits) {
    int changed = 0;
    for (auto& tensor : descriptions) {
      if (tensor.name.find(where) == std::string::npos) continue;
      for (size_t at = 0; (at = tensor.axes.find(from, at)) != std::string::npos; at += to.size(), ++changed)
        tensor.axes.replace(at, from.size(), to);
    }
    EXPECT_GT(changed, 0) << "'" << from << "' is nowhere in:\n" << to_text(*instance.space);
  }
  const auto space = std::make_shared<const WeightSpace>(descriptions);
  const auto network = make_network(instance);
  double error = 0.0;
  for (uint64_t draw = 0; draw < 8; ++draw)
    error =
        std::max(error, symmetry_error(space, *network, example.input_shape, Rng(5).index(draw), example.vocabulary));
  return error;
}

Members random_members(const WeightSpacePtr& space, const Network& network, int64_t size, const Rng& rng) {
  return conformance::random_members(space, network, size, rng);
}

}  // namespace nfopt::testing
