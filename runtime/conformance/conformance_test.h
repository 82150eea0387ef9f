#pragma once

#include <nfopt/runtime/conformance/findings.h>
#include <nfopt/runtime/conformance/subject.h>

#include <map>
#include <string>
#include <vector>

namespace nfopt::conformance {

/// One named test that every example of every architecture passes (docs/writing-plugins.md).
struct ConformanceTest {
  const char* name;      ///< "function-unchanged": what --only and --filter take
  const char* sentence;  ///< what it makes sure of
  const char* after;     ///< the test that must have passed before this one makes sense; "" for none
  bool needs_network;    ///< skipped for an architecture that only describes its tensors
  void (*check)(const Subject& subject, Findings& findings);
};

/// The tests of one example, in the order in which they depend on each other.
NFOPT_API const std::vector<ConformanceTest>& conformance_tests();

/// By name; throws Error that lists the names.
NFOPT_API const ConformanceTest& conformance_test(const std::string& name);

/// Runs one test on one example. Whatever it throws becomes a failure with that text.
NFOPT_API void run(const ConformanceTest& test, const Subject& subject, Findings& findings);

/// The architecture's examples, each with `overrides` ("hidden" -> "[4, 5]") in its options; its default options when it
/// names no example. Throws Error when that is impossible: an architecture that can compute must say what its inputs
/// look like; and for overrides that are no options or cannot be read as one.
NFOPT_API std::vector<Example> examples_of(const ArchitecturePtr& architecture,
                                           const std::map<std::string, std::string>& overrides = {});

// description_tests.cc
void check_options(const Subject& subject, Findings& findings);
void check_description(const Subject& subject, Findings& findings);
void check_text_round_trip(const Subject& subject, Findings& findings);
void check_yaml_round_trip(const Subject& subject, Findings& findings);
void check_recognition(const Subject& subject, Findings& findings);
// forward_tests.cc
void check_shapes(const Subject& subject, Findings& findings);
void check_every_tensor_is_used(const Subject& subject, Findings& findings);
void check_gradients(const Subject& subject, Findings& findings);
// symmetry_tests.cc
void check_symmetries(const Subject& subject, Findings& findings);
void check_symmetries_in_training(const Subject& subject, Findings& findings);
void check_missed_symmetries(const Subject& subject, Findings& findings);
// independence_tests.cc
void check_members(const Subject& subject, Findings& findings);
void check_determinism(const Subject& subject, Findings& findings);
void check_two_instances(const Subject& subject, Findings& findings);
void check_threads(const Subject& subject, Findings& findings);

}  // namespace nfopt::conformance
