// What an unroll owes every rule, whatever the rule keeps in its state; and what it does with losses that are too large.

#include <gtest/gtest.h>
#include <nfopt/runtime/meta/network_unroll.h>
#include <torch/types.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "tests/runtime/meta/small_family.h"

namespace nfopt {
namespace {

using testing::family;
using testing::initial_theta;
using testing::many_tasks_of;
using testing::one_task;

NetworkUnroll make_unroll(const std::shared_ptr<const TaskFamily>& tasks, const RuleFactory& rules,
                          bool random_offsets = false) {
  NetworkUnrollOptions options;
  options.rng = Rng(5);
  options.particles = 3;
  options.signs = 2;
  options.random_offsets = random_offsets;
  return NetworkUnroll(tasks, rules, ThetaLayout(*rules(tasks->task(Rng(0))->space())), options);
}

class RulesInUnrolls : public ::testing::TestWithParam<const char*> {
 protected:
  RuleFactory rules() const { return testing::rules(GetParam()); }
  at::Tensor theta() const { return initial_theta(*family(one_task()), rules()); }

  std::vector<std::shared_ptr<const TaskFamily>> families() const {
    return {family(one_task()), family(many_tasks_of(GetParam()))};
  }
};
INSTANTIATE_TEST_SUITE_P(All, RulesInUnrolls, ::testing::Values("context", "unf", "per_parameter_mlp"),
                         [](const auto& info) { return std::string(info.param); });

// With offsets: members of one population at different steps of different horizons.
TEST_P(RulesInUnrolls, ContinueWithTheSameBitsFromSavedState) {
  for (const auto& tasks : families()) {
    NetworkUnroll a = make_unroll(tasks, rules(), true), b = make_unroll(tasks, rules(), true);
    const at::Tensor all = theta().expand({6, -1});
    for (int64_t w = 0; w < 3; ++w) a.run(all, {4, Restart::next_step});
    b.load_state(a.state());
    for (int64_t w = 0; w < 5; ++w) {
      const Window x = a.run(all, {4, Restart::next_step}), y = b.run(all, {4, Restart::next_step});
      EXPECT_TRUE(at::equal(x.loss, y.loss) && at::equal(x.done, y.done) && at::equal(x.mask, y.mask));
    }
    const NamedTensors y = b.state();
    for (const auto& [name, tensor] : a.state()) EXPECT_TRUE(at::equal(tensor, y.at(name))) << name;
  }
}

TEST_P(RulesInUnrolls, KeepBothSignsEqualWhereThetaIs) {
  for (const auto& tasks : families()) {
    NetworkUnroll unroll = make_unroll(tasks, rules(), true);
    for (int64_t w = 0; w < 4; ++w) {  // across restarts
      const Window window = unroll.run(theta().expand({6, -1}), {5, Restart::next_step});
      EXPECT_TRUE(at::equal(window.loss.narrow(1, 0, 3), window.loss.narrow(1, 3, 3)));
    }
    for (const auto& [name, tensor] : unroll.state()) {
      if (!name.starts_with("rule.") && !name.starts_with("member.")) continue;
      EXPECT_TRUE(at::equal(tensor.narrow(0, 0, 3), tensor.narrow(0, 3, 3))) << name;
    }
  }
}

TEST_P(RulesInUnrolls, ContainMembersThatAreNotFinite) {
  const auto tasks = family(one_task());  // horizon 7
  const at::Tensor good = theta().expand({6, -1}).clone();
  at::Tensor bad = good.clone();
  bad[4].fill_(std::numeric_limits<double>::quiet_NaN());  // the negative sign of particle 1
  NetworkUnroll clean = make_unroll(tasks, rules()), hit = make_unroll(tasks, rules());
  const Window a = clean.run(good, {3, Restart::next_step}), b = hit.run(bad, {3, Restart::next_step});
  EXPECT_EQ(b.diverged, 1);
  for (const int64_t m : {0, 1, 2, 3, 5}) EXPECT_TRUE(at::equal(a.loss.select(1, m), b.loss.select(1, m))) << m;
  EXPECT_TRUE(b.done[2][1].item<bool>()) << "its pair ends with the window";
  const Window next = hit.run(good, {3, Restart::next_step});  // and starts again
  EXPECT_EQ(next.diverged, 0);
  EXPECT_LT(next.loss.max().item<double>(), 1.5 * std::log(4.0));
}

// Steps so long that losses grow far beyond a guess, and stay numbers.
TEST(BoundedLosses, AFiniteLossAboveTheBoundCountsAsTheBoundAndEndsNothing) {
  const auto tasks = family(one_task());
  const RuleFactory rules = testing::rules("context");
  const ThetaLayout layout(*rules(tasks->task(Rng(0))->space()));
  NamedTensors wild = layout.unflatten(initial_theta(*tasks, rules), at::kDouble);
  wild.at("rate.bias2").fill_(0.0);  // a rate of 1
  const at::Tensor theta = layout.flatten(wild).expand({6, -1});
  const double bound = 1.5 * std::log(4.0);

  NetworkUnroll unroll = make_unroll(tasks, rules);
  int64_t above = 0, below = 0;
  for (int64_t t = 0; t < 7; ++t) {
    std::vector<at::Tensor> before;
    for (const at::Tensor& tensor : unroll.members().tensors()) before.push_back(tensor.narrow(0, 0, 3).clone());
    const Window window = unroll.run(theta, {1, Restart::next_step});
    Members members(unroll.members().space(), before);
    const at::Tensor raw = unroll.task().member_losses(members, unroll.last_batches(), Pass{}).to(at::kDouble);
    for (int64_t m = 0; m < 3; ++m) {
      const double loss = raw[m].item<double>(), recorded = window.loss[0][m].item<double>();
      ASSERT_TRUE(std::isfinite(loss));
      if (loss > 1.01 * bound) {
        EXPECT_EQ(recorded, bound) << "a loss of " << loss;
        ++above;
      } else {
        EXPECT_NEAR(recorded, std::min(bound, loss), 1e-5);  // float32, two ways to compute it
        ++below;
      }
    }
    EXPECT_EQ(window.diverged, 0);
    EXPECT_EQ(window.done.any().item<bool>(), t == 6);
  }
  EXPECT_GT(above, 0) << "nothing was bounded";
  EXPECT_GT(below, 0) << "everything was";
}

}  // namespace
}  // namespace nfopt
