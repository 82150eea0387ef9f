#include <gtest/gtest.h>
#include <nfopt/nflayers/kernels/cpu/simd_target.h>
#include <nfopt/nflayers/spec/error.h>
#include <nfopt/runtime/network/losses/cross_entropy.h>
#include <nfopt/runtime/tasks/particle_batches.h>
#include <nfopt/runtime/tasks/task_family.h>
#include <nfopt/runtime/tasks/task_gradient.h>
#include <torch/types.h>

#include <cmath>
#include <map>
#include <set>

#include "tests/errors.h"
#include "tests/runtime/meta/small_family.h"

namespace nfopt {
namespace {

using testing::family;
using testing::many_tasks;
using testing::one_task;

TEST(TaskFamily, OfOneShapeGivesTheSameTaskAlways) {
  const auto tasks = family(one_task());
  EXPECT_TRUE(tasks->one_shape());
  EXPECT_EQ(tasks->task(Rng(1)), tasks->task(Rng(2)));
  const TaskVariation variation = tasks->variation(*tasks->task(Rng(1)), Rng(1));
  EXPECT_EQ(variation.horizon, 7);
  EXPECT_EQ(variation.initial_scale, 1.0);
  EXPECT_EQ(variation.label_noise, 0.0);
  EXPECT_TRUE(variation.labels.empty());
}

TEST(TaskFamily, TakesNetworksWithMoreOutputsThanClassesButNotWithFewer) {
  TaskFamilyOptions options = one_task();
  options.options["output_size"] = int64_t{9};
  const auto task = family(options)->task(Rng(1));
  EXPECT_EQ(task->classes(), 4);
  EXPECT_EQ(task->outputs(), 9);
  EXPECT_DOUBLE_EQ(TaskFamily::loss_bound(*task), 1.5 * std::log(9.0));
  options.options["output_size"] = int64_t{3};
  testing::expect_error([&] { family(options)->task(Rng(1)); }, {"expected [1, 2, 4], at least one output per class"});
}

TEST(TaskFamily, DrawsWithinItsRangesAsAPureFunctionOfTheGenerator) {
  const auto tasks = family(many_tasks());
  EXPECT_FALSE(tasks->one_shape());
  std::set<size_t> depths;
  std::set<std::string> activations;
  int64_t merged = 0, noisy = 0;
  for (uint64_t i = 0; i < 60; ++i) {
    const auto task = tasks->task(Rng(4).index(i));
    const Options& options = task->instance().options;
    const auto& hidden = options.integers("hidden");
    depths.insert(hidden.size());
    activations.insert(options.text("activation"));
    for (const int64_t width : hidden) EXPECT_TRUE(width >= 2 && width <= 6);
    EXPECT_EQ(options.integer("input_size"), 5);
    EXPECT_EQ(options.integer("output_size"), 4);
    EXPECT_TRUE(task->batch_size() >= 3 && task->batch_size() <= 8);
    EXPECT_EQ(tasks->task(Rng(4).index(i))->instance().options.values(), options.values());

    const TaskVariation v = tasks->variation(*task, Rng(5).index(i));
    EXPECT_TRUE(v.horizon >= 4 && v.horizon <= 11);
    EXPECT_TRUE(v.initial_scale >= 0.5 && v.initial_scale <= 2.0);
    EXPECT_TRUE(v.label_noise >= 0 && v.label_noise <= 0.3);
    ASSERT_EQ(v.labels.size(), 4u);
    const std::set<int64_t> used(v.labels.begin(), v.labels.end());
    EXPECT_GE(used.size(), 2u);
    EXPECT_EQ(*used.rbegin() + 1, static_cast<int64_t>(used.size())) << "merged classes are numbered without gaps";
    merged += used.size() < 4 ? 1 : 0;
    noisy += v.label_noise > 0 ? 1 : 0;
  }
  EXPECT_EQ(depths, (std::set<size_t>{1, 2, 3}));
  EXPECT_EQ(activations.size(), 2u);
  EXPECT_TRUE(merged > 15 && merged < 45) << merged;
  EXPECT_TRUE(noisy > 15 && noisy < 45) << noisy;
}

TEST(TaskFamily, ListsEverythingThatIsOutOfRange) {
  TaskFamilyOptions bad = one_task();
  bad.horizon = {0, 5};
  bad.batch_size = {9, 3};
  bad.noise_max = 2;
  bad.drawn_options = {{"hidden", {}, IntegerRange{1, 2}, {}}};
  try {
    family(bad);
    FAIL() << "no error";
  } catch (const Error& error) {
    const std::string text = error.what();
    for (const char* part : {"horizon", "batch_size", "noise_max", "'hidden' is both given and drawn"})
      EXPECT_NE(text.find(part), std::string::npos) << text;
  }
}

TEST(ParticleBatches, GiveAnExampleTheSameLabelInEveryBatch) {
  const auto tasks = family(one_task());
  const auto task = tasks->task(Rng(0));
  TaskVariation variation;
  variation.labels = {2, 2, 0, 1};
  variation.label_noise = 0.5;
  ParticleBatches batches(*task, 2);
  std::map<std::pair<float, float>, int64_t> label_of;
  int64_t changed = 0, seen = 0;
  for (uint64_t step = 0; step < 100; ++step) {
    for (int64_t i = 0; i < 2; ++i) batches.draw(i, Rng(1).index(step).index(i), variation, Rng(2));
    for (int64_t i = 0; i < 2; ++i)
      for (int64_t j = 0; j < 6; ++j) {
        const at::Tensor x = batches.examples().inputs[i][j];
        const auto key = std::pair(x[0].item<float>(), x[1].item<float>());
        const auto label = batches.examples().targets[i][j].item<int64_t>();
        const auto [known, fresh] = label_of.emplace(key, label);
        EXPECT_EQ(known->second, label);
        if (!fresh) continue;
        for (int64_t e = 0; e < task->train().size(); ++e)
          if (task->train().inputs[e][0].item<float>() == key.first) {
            ++seen;
            changed += variation.labels[task->train().targets[e].item<int64_t>()] != label ? 1 : 0;
          }
      }
  }
  EXPECT_GT(seen, 40);
  EXPECT_TRUE(changed > seen / 6 && changed < seen * 2 / 3) << changed << " of " << seen;
}

/// Largest difference relative to the largest entry.
double difference(const at::Tensor& a, const at::Tensor& b) {
  return ((a - b).abs().max() / b.abs().max().clamp_min(1e-6)).item<double>();
}

TEST(MlpGradient, EqualsAutograd) {
  for (const auto& [dtype, tolerance] : {std::pair(at::kDouble, 1e-12), std::pair(at::kFloat, 3e-6)}) {
    for (const char* activation : {"relu", "tanh", "identity"}) {
      for (const std::vector<int64_t>& hidden : {std::vector<int64_t>{}, {3}, {4, 6, 3}, {33, 20}}) {
        for (const bool bias : {true, false}) {
          TaskFamilyOptions options = one_task();
          options.options = {{"hidden", hidden}, {"activation", std::string(activation)}, {"bias", bias}};
          const auto task = family(options, dtype)->task(Rng(0));
          for (const int64_t signs : {1, 2}) {
            constexpr int64_t kParticles = 3;
            Members members = task->initialize(signs * kParticles, Rng(6));
            ParticleBatches batches(*task, kParticles);
            for (int64_t i = 0; i < kParticles; ++i) batches.draw(i, Rng(7).index(i), {}, Rng(0));
            const auto by_hand = make_mlp_gradient(*task, kParticles, signs);
            const auto graph = make_autograd_gradient(task, kParticles, signs);
            ASSERT_NE(by_hand, nullptr);
            (*by_hand)(members, batches.examples(), Pass{true, Rng(0)});
            (*graph)(members, batches.examples(), Pass{true, Rng(0)});
            EXPECT_LT(difference(by_hand->loss(), graph->loss()), tolerance);
            ASSERT_EQ(by_hand->gradients().size(), graph->gradients().size());
            for (size_t k = 0; k < graph->gradients().size(); ++k)
              EXPECT_LT(difference(by_hand->gradients()[k], graph->gradients()[k]), tolerance)
                  << activation << ", " << hidden.size() << " hidden layers, tensor " << k;
          }
        }
      }
    }
  }
}

// Widths that fill no vector, and some that take several: every path of the kernel.
TEST(MlpGradient, EqualsAutogradOnEveryInstructionSet) {
  TaskFamilyOptions options = one_task();
  options.options = {{"hidden", std::vector<int64_t>{50, 17}}, {"activation", std::string("tanh")}};
  const auto task = family(options, at::kDouble)->task(Rng(0));
  Members members = task->initialize(2, Rng(6));
  ParticleBatches batches(*task, 1);
  batches.draw(0, Rng(7), {}, Rng(0));
  const auto graph = make_autograd_gradient(task, 1, 2);
  (*graph)(members, batches.examples(), Pass{true, Rng(0)});
  for (const std::string& name : cpu::simd_targets()) {
    cpu::use_simd_target(name);
    const auto by_hand = make_mlp_gradient(*task, 1, 2);
    (*by_hand)(members, batches.examples(), Pass{true, Rng(0)});
    cpu::use_simd_target("");
    EXPECT_LT(difference(by_hand->loss(), graph->loss()), 1e-12) << name;
    for (size_t k = 0; k < graph->gradients().size(); ++k)
      EXPECT_LT(difference(by_hand->gradients()[k], graph->gradients()[k]), 1e-12) << name << ", tensor " << k;
  }
}

TEST(MlpGradient, LeavesOtherActivationsToAutograd) {
  TaskFamilyOptions options = one_task();
  options.options["activation"] = std::string("gelu");
  const auto task = family(options)->task(Rng(0));
  EXPECT_EQ(make_mlp_gradient(*task, 1, 2), nullptr);
  EXPECT_NE(make_task_gradient(task, 1, 2), nullptr);
}

TEST(MlpGradient, KeepsWhatIsNotANumber) {
  const auto task = family(one_task())->task(Rng(0));
  Members members = task->initialize(2, Rng(6));
  members.tensors()[0][1].fill_(std::numeric_limits<float>::quiet_NaN());
  ParticleBatches batches(*task, 1);
  batches.draw(0, Rng(7), {}, Rng(0));
  const auto gradient = make_mlp_gradient(*task, 1, 2);
  (*gradient)(members, batches.examples(), Pass{true, Rng(0)});
  EXPECT_TRUE(gradient->loss()[0].isfinite().item<bool>());
  EXPECT_TRUE(gradient->loss()[1].isnan().item<bool>());
}

}  // namespace
}  // namespace nfopt
