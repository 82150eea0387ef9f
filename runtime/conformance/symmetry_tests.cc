// The central claim of a description: its plain labels are symmetries of the function. Every label is moved alone, then
// all of them together by random elements of the group.

#include <nfopt/nflayers/action/random_element.h>
#include <nfopt/runtime/conformance/conformance_test.h>
#include <nfopt/runtime/conformance/culprit.h>

#include <cstdint>
#include <cstdio>
#include <string>

namespace nfopt::conformance {
namespace {

constexpr uint64_t kDraws = 3;

void check_mode(const Built& built, const Subject& subject, bool training, Findings& findings) {
  for (uint64_t draw = 0; draw < kDraws; ++draw) {
    const Rng rng = subject.rng.purpose("symmetry").index(draw);
    const FunctionProbe probe(*built.network, built.space(), subject.example, training, rng);
    const auto wrong = wrong_labels(probe, rng.purpose("one label"));
    for (const auto& label : wrong) findings.fail(explain(probe, wrong, label, rng.purpose("one label")));
    if (!wrong.empty()) return;
    const auto error = probe.error(GroupAction(probe.space(), random_symmetry(probe.space(), rng.purpose("all"))));
    if (error.is_symmetry()) continue;
    char text[64];
    std::snprintf(text, sizeof text, "%.1e (relative), limit %.1e", error.relative, FunctionProbe::kTolerance);
    findings.fail("every label alone is a symmetry, all together are not: " + error.where + " changes by " + text +
                  ". Is a label nested in the wrong one?");
    return;
  }
}

}  // namespace

void check_symmetries(const Subject& subject, Findings& findings) {
  check_mode(Built(subject), subject, false, findings);
}

void check_symmetries_in_training(const Subject& subject, Findings& findings) {
  const Built built(subject);
  if (training_is_random(built, subject))
    findings.skip("training draws random numbers, which permutations do not permute");
  else
    check_mode(built, subject, true, findings);
}

void check_missed_symmetries(const Subject& subject, Findings& findings) {
  const Built built(subject);
  const Rng rng = subject.rng.purpose("missed");
  const FunctionProbe probe(*built.network, built.space(), subject.example, false, rng);
  for (const auto& text : missed_symmetries(probe, rng)) findings.note(text);
}

}  // namespace nfopt::conformance
