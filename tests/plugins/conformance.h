#pragma once

#include <nfopt/nflayers/random/rng.h>
#include <nfopt/runtime/network/members.h>
#include <nfopt/runtime/network/network.h>
#include <nfopt/runtime/plugin/instance.h>

#include <map>
#include <string>
#include <vector>

// What every trainable architecture passes before it says anything about itself. Everything runs in float64.
//
// To check a new architecture: write plugins/<name>/<name>_test.cc, load it with Registry::global().find("<name>") and
// call `expect_conformance` with a few option sets. What is special about it follows in tests of its own.
namespace nfopt::testing {

/// One network and the shape of one example, e.g. {784} or {3, 8, 8}.
struct Subject {
  ArchitecturePtr architecture;
  std::map<std::string, OptionValue> options;
  std::vector<int64_t> example;
};

/// All of the checks below, as GoogleTest expectations.
void expect_conformance(const Subject& subject);

/// initialize() sets every tensor of the description, and every parameter moves the output.
void expect_every_parameter_is_used(const Subject& subject);
/// A random permutation of the space applied to parameters and buffers leaves the function unchanged (1e-10).
void expect_permutations_leave_the_function_alone(const Subject& subject);
/// P = 3 equals three times P = 1, in initialisation and forward, and x may be shared (1e-12).
void expect_members_do_not_see_each_other(const Subject& subject);
/// Analytic directional derivatives equal central differences (1e-6 relative).
void expect_gradients_match_finite_differences(const Subject& subject);
/// The description survives text, and recognize() finds options that describe the same names and shapes.
void expect_description_survives_round_trips(const Subject& subject);

/// Largest difference of the output under a random symmetry of `space`, relative to the output's largest entry.
/// `space` may lie: a wrong description must give a large number.
double symmetry_error(const WeightSpacePtr& space, const Network& network, const std::vector<int64_t>& example,
                      const Rng& rng);

/// Members in float64, initialised and then moved by a little noise: zero biases would hide what they do.
Members random_members(const WeightSpacePtr& space, const Network& network, int64_t size, const Rng& rng);

}  // namespace nfopt::testing
