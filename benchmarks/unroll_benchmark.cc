// Where an outer step of meta-training spends its time: the UNF paper's set-up (16 pairs, 50 inner steps, batch 128,
// Fashion-MNIST 8x8, mlp 64-32-10), float32.
//
//   unroll_benchmark                                  parts for one chunk of 4 pairs, then whole outer steps
//   unroll_benchmark --benchmark_filter=OuterStep     arguments: threads, pairs of a chunk
//   counters: inner = member-steps per second

#include <benchmark/benchmark.h>
#include <nfopt/runtime/meta/population.h>
#include <nfopt/runtime/optimizers/learned_rule.h>
#include <nfopt/runtime/optimizers/rule_presets.h>
#include <nfopt/runtime/tasks/particle_batches.h>
#include <nfopt/runtime/tasks/task_gradient.h>
#include <tbb/global_control.h>
#include <torch/torch.h>

namespace nfopt {
namespace {

constexpr int64_t kPairs = 4;

RuleFactory rules(const char* preset) {
  return [preset](const WeightSpacePtr& space) -> std::shared_ptr<const UpdateRule> {
    return std::make_shared<const LearnedRule>(rule_preset(preset), space);
  };
}

std::shared_ptr<const TaskFamily> paper_task() {
  static const auto family = std::make_shared<const TaskFamily>(unf_mlp_task(), Registry::global(), at::kFloat);
  return family;
}

void count_members(benchmark::State& state, int64_t member_steps) {
  state.counters["inner"] =
      benchmark::Counter(static_cast<double>(member_steps), benchmark::Counter::kIsIterationInvariantRate);
}

void Batches_draw(benchmark::State& state) {
  const auto task = paper_task()->task(Rng(0));
  ParticleBatches batches(*task, kPairs);
  uint64_t step = 0;
  for (auto _ : state) {
    for (int64_t i = 0; i < kPairs; ++i) batches.draw(i, Rng(1).index(i).index(step), {}, Rng(0));
    ++step;
  }
  count_members(state, 2 * kPairs);
}
BENCHMARK(Batches_draw);

void gradient(benchmark::State& state, std::unique_ptr<TaskGradient> (*make)(std::shared_ptr<const Task>)) {
  at::set_num_threads(1);
  const auto task = paper_task()->task(Rng(0));
  ParticleBatches batches(*task, kPairs);
  for (int64_t i = 0; i < kPairs; ++i) batches.draw(i, Rng(1).index(i), {}, Rng(0));
  Members members = task->initialize(2 * kPairs, Rng(2));
  const auto compute = make(task);
  for (auto _ : state) (*compute)(members, batches.examples(), Pass{true, Rng(0)});
  count_members(state, 2 * kPairs);
}
void Gradient_by_hand(benchmark::State& state) {
  gradient(state, [](std::shared_ptr<const Task> task) { return make_mlp_gradient(*task, kPairs, 2); });
}
BENCHMARK(Gradient_by_hand);
void Gradient_by_autograd(benchmark::State& state) {
  gradient(state, [](std::shared_ptr<const Task> task) { return make_autograd_gradient(task, kPairs, 2); });
}
BENCHMARK(Gradient_by_autograd);

void Rule_step(benchmark::State& state) {
  at::set_num_threads(1);
  const tbb::global_control limit(tbb::global_control::max_allowed_parallelism, 1);
  const auto task = paper_task()->task(Rng(0));
  const auto rule = rules("unf")(task->space());
  const ThetaLayout layout(*rule);
  const at::Tensor flat = layout.flatten(rule->initial_theta(Rng(3)));
  const NamedTensors theta = layout.unflatten(flat.expand({2 * kPairs, -1}), at::kFloat);
  const Members members = task->initialize(2 * kPairs, Rng(2));
  std::vector<at::Tensor> grads;
  for (const at::Tensor& tensor : members.tensors()) grads.push_back(at::full_like(tensor, 1e-3));
  RuleState rule_state = rule->init(members.tensors());
  StepContext context;
  const auto steps = rule->in_place_steps(theta, members.tensors().front());
  for (auto _ : state) {
    steps->step(members.tensors(), grads, rule_state, context);
    ++context.step;
  }
  count_members(state, 2 * kPairs);
}
BENCHMARK(Rule_step);

void OuterStep(benchmark::State& state) {
  const tbb::global_control limit(tbb::global_control::max_allowed_parallelism, static_cast<size_t>(state.range(0)));
  PopulationOptions options;
  at::set_num_threads(1);  // as meta_train does: OpenMP threads that wait would take a core from TBB
  Population population(options, {{paper_task(), 16, state.range(1)}}, rules("unf"));
  const auto rule = rules("unf")(paper_task()->task(Rng(0))->space());
  const at::Tensor theta = population.layout().flatten(rule->initial_theta(Rng(3)));
  int64_t step = 0, members = 0;
  for (auto _ : state)
    for (const Estimate& estimate : population.estimate(theta, step++)) members += estimate.steps;
  state.counters["inner"] = benchmark::Counter(static_cast<double>(members), benchmark::Counter::kIsRate);
}
BENCHMARK(OuterStep)
    ->ArgNames({"threads", "chunk"})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime()
    ->Args({1, 4})
    ->Args({2, 4})
    ->Args({1, 1})
    ->Args({2, 1})
    ->Args({2, 2})
    ->Args({2, 8});

}  // namespace
}  // namespace nfopt

BENCHMARK_MAIN();
