#pragma once

#include <nfopt/nflayers/random/rng.h>
#include <nfopt/runtime/network/members.h>
#include <nfopt/runtime/network/network.h>
#include <nfopt/runtime/plugin/instance.h>

#include <map>
#include <string>
#include <vector>

// The tests of `nfopt plugin check` (runtime/conformance) as GoogleTest expectations. Everything runs in float64.
//
// To check a new architecture: implement examples(), write plugins/<name>/<name>_test.cc, load it with
// Registry::global().find("<name>") and call `expect_conformance_of_examples`. What is special about it follows in
// tests of its own.
namespace nfopt::testing {

/// One network and the shape of one example, e.g. {784}, {3, 8, 8}, or {7} tokens below a vocabulary.
struct Subject {
  ArchitecturePtr architecture;
  std::map<std::string, OptionValue> options;
  std::vector<int64_t> example;
  int64_t vocabulary = 0;
};

/// Every test on one network.
void expect_conformance(const Subject& subject);

/// Every test on every one of the architecture's examples(), of which there must be some.
void expect_conformance_of_examples(const ArchitecturePtr& architecture);

/// Largest difference of the output under a random symmetry of `space`, relative to the output's largest entry.
/// `space` may lie: a wrong description must give a large number.
double symmetry_error(const WeightSpacePtr& space, const Network& network, const std::vector<int64_t>& example,
                      const Rng& rng, int64_t vocabulary = 0);

/// One of the architecture's examples(), by name.
Example example_of(const ArchitecturePtr& architecture, const std::string& name);
Instance instance_of(const ArchitecturePtr& architecture, const std::string& example);

/// A change of a description: in every tensor whose name contains `where`, `from` becomes `to` in the axes.
struct Edit {
  std::string where;
  std::string from;
  std::string to;
};

/// symmetry_error of an example whose description is edited: the mistake of an author. The largest of several draws,
/// because a random permutation of two is often the identity. An edit that finds nothing is a failure.
double edited_error(const ArchitecturePtr& architecture, const std::string& example, const std::vector<Edit>& edits);

/// Members in float64, initialised and then moved by a little noise: zero biases would hide what they do.
Members random_members(const WeightSpacePtr& space, const Network& network, int64_t size, const Rng& rng);

}  // namespace nfopt::testing
