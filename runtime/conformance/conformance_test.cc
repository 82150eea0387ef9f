#include <nfopt/nflayers/spec/error.h>
#include <nfopt/nflayers/spec/near_names.h>
#include <nfopt/runtime/conformance/conformance_test.h>
#include <nfopt/runtime/network/network.h>

#include <exception>

namespace nfopt::conformance {

const std::vector<ConformanceTest>& conformance_tests() {
  static const std::vector<ConformanceTest> tests = {
      {"options-checked", "unknown, wrongly typed and absurd options are errors, never crashes", "", false,
       check_options},
      {"description-parses", "every tensor has axes and sizes that fit, and its views cover it once", "", false,
       check_description},
      {"survives-text", "the description is the same after writing and reading text", "description-parses", false,
       check_text_round_trip},
      {"survives-yaml", "the description is the same after writing and reading YAML", "description-parses", false,
       check_yaml_round_trip},
      {"recognises-itself", "recognize() finds options for its own tensors and for no others", "description-parses",
       false, check_recognition},
      {"shapes-agree", "initialize() fills what is described, and forward() computes with it", "description-parses",
       true, check_shapes},
      {"uses-every-tensor", "every parameter moves the output, every buffer is read or written", "shapes-agree", true,
       check_every_tensor_is_used},
      {"function-unchanged", "random permutations leave the network's output alone", "shapes-agree", true,
       check_symmetries},
      {"training-unchanged", "the same while training, buffers included", "shapes-agree", true,
       check_symmetries_in_training},
      {"members-separate", "a population equals its members one by one", "shapes-agree", true, check_members},
      {"gradients-exact", "gradients equal finite differences", "shapes-agree", true, check_gradients},
      {"deterministic", "the same seed gives the same bits", "shapes-agree", true, check_determinism},
      {"instances-independent", "two networks share no state", "shapes-agree", true, check_two_instances},
      {"thread-safe", "threads that compute at once get the same bits", "shapes-agree", true, check_threads},
      {"symmetries-complete", "names symmetries that the description does not claim (notes only)", "function-unchanged",
       true, check_missed_symmetries},
  };
  return tests;
}

const ConformanceTest& conformance_test(const std::string& name) {
  std::vector<std::string> names;
  for (const auto& test : conformance_tests()) {
    if (test.name == name) return test;
    names.push_back(test.name);
  }
  throw Error("plugin check", "No conformance test '" + name + "'." + known_names(name, names));
}

void run(const ConformanceTest& test, const Subject& subject, Findings& findings) {
  if (test.needs_network && !dynamic_cast<const TrainableArchitecture*>(subject.architecture.get())) {
    findings.skip("it only describes its tensors");
    return;
  }
  try {
    test.check(subject, findings);
  } catch (const std::exception& error) {
    findings.fail(error.what());
  }
}

}  // namespace nfopt::conformance
