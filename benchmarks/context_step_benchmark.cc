// One step of the rule `context` beside LibTorch's AdamW, float32 on the CPU, gradients already there.
//
//   context_step_benchmark                 adamw/<network>, context/<network>, context/<network>/members:<P>
//   counters: per_parameter, the time of one parameter

#include <benchmark/benchmark.h>
#include <nfopt/runtime/optimizers/context_rule.h>
#include <torch/torch.h>

#include "benchmarks/mlp_problem.h"

namespace nfopt {
namespace {

void per_parameter(benchmark::State& state, const WeightSpace& space, int64_t members) {
  state.counters["per_parameter"] =
      benchmark::Counter(static_cast<double>(space.parameter_count() * members),
                         benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

void context_step(benchmark::State& state, const Network& network, int64_t members) {
  at::set_num_threads(1);
  const torch::NoGradGuard no_grad;
  const ContextRule rule({}, space_of(network));
  NamedTensors theta;
  for (const auto& [name, tensor] : rule.initial_theta(Rng(3))) {
    std::vector<int64_t> shape = tensor.sizes().vec();
    shape[0] = members;
    theta.add(name, tensor.to(at::kFloat).expand(shape).contiguous());
  }
  const std::vector<at::Tensor> params = random_list(*rule.space(), members, Rng(1), 0.1);
  const std::vector<at::Tensor> grads = random_list(*rule.space(), members, Rng(1), 0.01);
  RuleState memory = rule.init(params);
  StepContext context;
  context.total_steps = 1'000'000;
  context.loss = at::ones({members});
  for (auto _ : state) {
    rule.step_in_place(theta, params, grads, memory, context);
    ++context.step;
  }
  per_parameter(state, *rule.space(), members);
}

void adamw_step(benchmark::State& state, const Network& network) {
  at::set_num_threads(1);
  const WeightSpacePtr space = space_of(network);
  std::vector<at::Tensor> leaves;
  const std::vector<at::Tensor> params = random_list(*space, 1, Rng(1), 0.1),
                                grads = random_list(*space, 1, Rng(1), 0.01);
  for (size_t i = 0; i < params.size(); ++i) {
    leaves.push_back(params[i].requires_grad_());
    leaves.back().mutable_grad() = grads[i];
  }
  torch::optim::AdamW optimizer(leaves, torch::optim::AdamWOptions(1e-3));
  for (auto _ : state) optimizer.step();
  per_parameter(state, *space, 1);
}

}  // namespace
}  // namespace nfopt

int main(int argc, char** argv) {
  using namespace nfopt;
  for (const Network& network : kNetworks) {
    const std::string name = network.name;
    benchmark::RegisterBenchmark(("adamw/" + name).c_str(), [&](benchmark::State& s) {
      adamw_step(s, network);
    })->Unit(benchmark::kMicrosecond);
    for (const int64_t members : {1, 32})
      benchmark::RegisterBenchmark(("context/" + name + "/members:" + std::to_string(members)).c_str(),
                                   [&, members](benchmark::State& s) { context_step(s, network, members); })
          ->Unit(benchmark::kMicrosecond)
          ->UseRealTime();
  }
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
}
