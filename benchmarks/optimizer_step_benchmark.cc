// One step of an optimizer for gradients that are already there, float32 on the CPU.
//
//   optimizer_step_benchmark --benchmark_filter=unf
//
//   adamw, unf, ..       what a training loop calls: optimizer.step()
//   unf/../unchecked     the same with NonFinite::ignore, as `nfopt train` does: the rule steps in place
//   rule/..              the rule alone: `aten` by ATen operators, `fused` in place by the fused step
//   population/..        32 networks at once, each with its own meta-parameters
//
// Counters: ns_per_parameter; state = bytes of optimizer state per parameter; peak = bytes of tensors held by one step
// beyond parameters, gradients and state, per parameter; gflops of the hidden layers alone, and as a fraction of what a
// loop of multiply-adds reaches on one thread.

#include <benchmark/benchmark.h>
#include <nfopt/nflayers/kernels/cpu/simd_target.h>
#include <nfopt/runtime/optimizers/learned_optimizer.h>
#include <nfopt/runtime/optimizers/learned_rule.h>
#include <nfopt/runtime/optimizers/make_update_rule.h>
#include <nfopt/runtime/optimizers/rule_presets.h>
#include <tbb/global_control.h>
#include <torch/torch.h>

#include <chrono>
#include <functional>

#include "benchmarks/fma_peak.h"
#include "benchmarks/mlp_problem.h"
#include "benchmarks/peak_memory.h"

namespace nfopt {
namespace {

NamedParameters parameters_of(const WeightSpace& space) {
  NamedParameters parameters;
  const auto values = random_list(space, 1, Rng(1), 0.1), gradients = random_list(space, 1, Rng(2), 0.01);
  for (size_t i = 0; i < values.size(); ++i) {
    at::Tensor p = values[i].squeeze(0);
    p.requires_grad_();
    p.mutable_grad() = gradients[i].squeeze(0);
    parameters.emplace_back(space.tensors()[i].name, p);
  }
  return parameters;
}

/// Runs the loop; seconds per step.
double measure(benchmark::State& state, const std::function<void()>& step) {
  const auto start = std::chrono::steady_clock::now();
  for (auto _ : state) step();
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
  return elapsed.count() / static_cast<double>(state.iterations());
}

void count(benchmark::State& state, double seconds, int64_t parameters, int64_t state_bytes,
           const std::function<void()>& step) {
  const auto n = static_cast<double>(parameters);
  state.counters["ns_per_parameter"] = seconds * 1e9 / n;
  state.counters["state"] = static_cast<double>(state_bytes) / n;
  state.counters["peak"] = peak_bytes(step) / n;
}

/// Multiply-adds of the pointwise layers, twice each.
double hidden_flops(const RuleDescription& rule) {
  double sum = 0;
  const auto constants = static_cast<int64_t>(rule.features.time_scales.size());  // part of the first bias
  for (size_t k = 0; k < rule.network.layers.size(); ++k) {
    const LayerDescription& layer = rule.network.layers[k];
    if (layer.type != LayerType::dense || !layer.relu) continue;
    sum += 2.0 * static_cast<double>((layer.c_in - (k == 0 ? constants : 0)) * layer.c_out);
  }
  return sum;
}

void count_flops(benchmark::State& state, double seconds, const RuleDescription& rule, int64_t parameters) {
  static const double peak = fma_peak_flops();
  const double flops = hidden_flops(rule) * static_cast<double>(parameters) / seconds;
  state.counters["gflops"] = flops * 1e-9;
  state.counters["of_peak"] = flops / peak;
}

void learned_step(benchmark::State& state, const Network& network, const std::string& preset, NonFinite non_finite) {
  const WeightSpacePtr space = space_of(network);
  const NamedParameters parameters = parameters_of(*space);
  const auto rule = make_update_rule(rule_preset(preset), space);
  LearnedOptimizer optimizer(parameters, rule, rule->initial_theta(Rng(3)),
                             LearnedOptimizerOptions().non_finite(non_finite).total_steps(1'000'000));
  const auto step = [&] { optimizer.step(); };
  const double seconds = measure(state, step);
  int64_t bytes = 0;
  for (const auto& [name, tensor] : optimizer.state())
    if (name.rfind("state.", 0) == 0) bytes += static_cast<int64_t>(tensor.nbytes());
  count(state, seconds, space->parameter_count(), bytes, step);
}

void adamw_step(benchmark::State& state, const Network& network) {
  std::vector<at::Tensor> tensors;
  int64_t parameters = 0;
  for (const auto& [name, tensor] : parameters_of(*space_of(network))) {
    tensors.push_back(tensor);
    parameters += tensor.numel();
  }
  torch::optim::AdamW optimizer(tensors, torch::optim::AdamWOptions(1e-3));
  const auto step = [&] { optimizer.step(); };
  const double seconds = measure(state, step);
  count(state, seconds, parameters, 8 * parameters, step);  // two float32 averages
}

enum class Path { aten, fused };

void rule_step(benchmark::State& state, const Network& network, const std::string& preset, Path path, int64_t members,
               size_t threads) {
  const tbb::global_control control(tbb::global_control::max_allowed_parallelism, threads);
  const torch::NoGradGuard no_grad;
  const WeightSpacePtr space = space_of(network);
  const RuleDescription description = rule_preset(preset);
  const LearnedRule rule(description, space);
  NamedTensors theta;
  for (const auto& [name, tensor] : rule.initial_theta(Rng(3))) {
    std::vector<int64_t> sizes = tensor.sizes().vec();
    sizes[0] = members;
    theta.add(name, tensor.to(at::kFloat).expand(sizes).contiguous());
  }
  std::vector<at::Tensor> params = random_list(*space, members, Rng(1), 0.1);
  const std::vector<at::Tensor> grads = random_list(*space, members, Rng(2), 0.01);
  RuleState accumulators = rule.init(params);
  StepContext context;
  const auto step = [&] {
    if (path == Path::fused) {
      rule.step_in_place(theta, params, grads, accumulators, context);
    } else {
      Update update = rule.update_with_aten(theta, params, grads, accumulators, context);
      for (size_t i = 0; i < params.size(); ++i) params[i].sub_(update.updates[i]);
      accumulators = std::move(update.state);
    }
    ++context.step;
  };
  const double seconds = measure(state, step);
  int64_t bytes = 0;
  for (const auto& [name, tensor] : accumulators) bytes += static_cast<int64_t>(tensor.nbytes());
  const int64_t parameters = members * space->parameter_count();
  count(state, seconds, parameters, bytes, step);
  count_flops(state, seconds, description, parameters);
}

void add(const std::string& name, const std::function<void(benchmark::State&)>& run) {
  // Wall time: the calling thread sleeps while others work.
  benchmark::RegisterBenchmark(name.c_str(), run)->Unit(benchmark::kMicrosecond)->UseRealTime();
}

}  // namespace
}  // namespace nfopt

int main(int argc, char** argv) {
  using namespace nfopt;
  at::set_num_threads(1);
  for (const Network& network : kNetworks) {
    const std::string of = std::string("/") + network.name;
    add("adamw" + of, [&](benchmark::State& s) { adamw_step(s, network); });
    for (const std::string& preset : rule_preset_names())
      for (const NonFinite non_finite : {NonFinite::stop, NonFinite::ignore})
        add(preset + of + (non_finite == NonFinite::ignore ? "/unchecked" : ""),
            [&, preset, non_finite](benchmark::State& s) { learned_step(s, network, preset, non_finite); });
    for (const std::string preset : {"unf", "per_parameter_mlp"}) {
      add("rule/" + preset + of + "/aten",
          [&, preset](benchmark::State& s) { rule_step(s, network, preset, Path::aten, 1, 1); });
      for (const size_t threads : {1, 2})
        add("rule/" + preset + of + "/fused/threads:" + std::to_string(threads),
            [&, preset, threads](benchmark::State& s) { rule_step(s, network, preset, Path::fused, 1, threads); });
    }
  }
  const Network& small = kNetworks[0];
  add("population/unf/32 x 64-32-10/aten", [&](benchmark::State& s) { rule_step(s, small, "unf", Path::aten, 32, 1); });
  for (const size_t threads : {1, 2})
    add("population/unf/32 x 64-32-10/fused/threads:" + std::to_string(threads),
        [&, threads](benchmark::State& s) { rule_step(s, small, "unf", Path::fused, 32, threads); });

  benchmark::AddCustomContext("instruction set", cpu::simd_target());
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
}
