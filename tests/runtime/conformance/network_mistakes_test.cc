// Networks that are wrong in one way each. Their description is right.

#include <gtest/gtest.h>

#include <atomic>

#include "tiny_architecture.h"

namespace nfopt {
namespace {

using testing::affine;
using testing::Forward;
using testing::said;
using testing::tensor;
using testing::TinyArchitecture;

ArchitecturePtr network_of(Forward forward) {
  return std::make_shared<TinyArchitecture>(
      std::vector<TensorDescription>{tensor("w1", "[h=3, ~in=4]"), tensor("w2", "[~out=2, h]")},
      std::vector<int64_t>{4}, std::move(forward));
}

at::Tensor right(Members& w, const at::Tensor& x) { return affine(affine(x, w["w1"]).tanh(), w["w2"]); }

void expect_failure(const std::string& test, const std::string& text, Forward forward) {
  const std::string failures = said(test, network_of(std::move(forward))).failures;
  EXPECT_NE(failures.find(text), std::string::npos) << test << " says: " << failures;
}

TEST(NetworkMistakes, TheRightNetworkPassesEverything) {
  for (const auto& test : conformance::conformance_tests())
    EXPECT_EQ(said(test.name, network_of([](auto& w, auto& x, auto&) { return right(w, x); })).failures, "")
        << test.name;
}

TEST(NetworkMistakes, AParameterThatDoesNothing) {
  expect_failure("uses-every-tensor", "does not depend on 'w2'",
                 [](auto& w, auto& x, auto&) { return affine(x, w["w1"]).tanh(); });
}

TEST(NetworkMistakes, MembersThatSeeEachOther) {
  expect_failure("members-separate", "the output of member 0 of 3", [](auto& w, auto& x, auto&) {
    const at::Tensor y = right(w, x);
    return y + 1e-6 * y.mean(0, true);
  });
}

TEST(NetworkMistakes, GradientsThatLeakBetweenMembers) {
  expect_failure("members-separate", "the gradient of 'w1'", [](auto& w, auto& x, auto&) {
    const at::Tensor y = right(w, x);
    const at::Tensor leak = y.mean(0, true);
    return y + leak - leak.detach();
  });
}

TEST(NetworkMistakes, AGradientThatIsCutOff) {
  expect_failure("gradients-exact", "'w1': autograd gives", [](auto& w, auto& x, auto&) {
    const at::Tensor h = affine(x, w["w1"]).tanh();
    return affine(0.5 * h + 0.5 * h.detach(), w["w2"]);
  });
}

TEST(NetworkMistakes, RandomnessOfItsOwn) {
  auto calls = std::make_shared<std::atomic<int>>(0);
  const Forward noisy = [calls](auto& w, auto& x, auto&) { return right(w, x) * (1.0 + 1e-12 * (*calls)++); };
  expect_failure("deterministic", "other bits when it is called again", noisy);
  expect_failure("instances-independent", "share state", noisy);
  expect_failure("thread-safe", "other bits than alone", noisy);
}

TEST(NetworkMistakes, AnOutputWithoutTheMembersAxis) {
  expect_failure("shapes-agree", "expected [P, B, ..]", [](auto& w, auto& x, auto&) { return right(w, x)[0]; });
}

TEST(NetworkMistakes, AnOutputInSinglePrecision) {
  expect_failure("shapes-agree", "of float64 parameters gives Float",
                 [](auto& w, auto& x, auto&) { return right(w, x).to(at::kFloat); });
}

TEST(NetworkMistakes, ATextOfAnExceptionIsTheFailure) {
  expect_failure("shapes-agree", "out of coffee",
                 [](auto&, auto&, auto&) -> at::Tensor { throw std::runtime_error("out of coffee"); });
}

TEST(NetworkMistakes, DropoutIsComparedInEvaluationOnly) {
  const auto dropout = network_of([](auto& w, auto& x, auto& pass) {
    at::Tensor h = affine(x, w["w1"]).tanh();
    if (pass.training) {
      at::Tensor mask = at::empty(h.sizes(), h.options());
      h = h * fill_uniform(mask, pass.rng.purpose("dropout"), 0.0, 1.0).gt(0.5);
    }
    return affine(h, w["w2"]);
  });
  for (const auto& test : conformance::conformance_tests())
    EXPECT_EQ(said(test.name, dropout).failures, "") << test.name;
  EXPECT_NE(said("members-separate", dropout).notes.find("evaluation only"), std::string::npos);
}

}  // namespace
}  // namespace nfopt
