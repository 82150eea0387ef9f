// One step of an optimizer for gradients that are already there, float32 on the CPU, one thread.
//
//   optimizer_step_benchmark                         all rules and networks
//   counters: state = bytes of optimizer state per parameter

#include <benchmark/benchmark.h>
#include <nfopt/nflayers/random/tensor_random.h>
#include <nfopt/runtime/optimizers/learned_optimizer.h>
#include <nfopt/runtime/optimizers/make_update_rule.h>
#include <nfopt/runtime/optimizers/rule_presets.h>
#include <torch/torch.h>

namespace nfopt {
namespace {

struct Network {
  const char* name;
  std::vector<int64_t> widths;
};
const Network kNetworks[] = {{"64-32-10", {64, 32, 10}}, {"784-128-128-10", {784, 128, 128, 10}}};

WeightSpacePtr space_of(const Network& network) {
  std::vector<TensorDescription> tensors;
  const size_t layers = network.widths.size() - 1;
  const auto label = [&](size_t k) {
    return k == 0 ? std::string("~in") : k == layers ? std::string("~out") : "h" + std::to_string(k);
  };
  for (size_t k = 0; k < layers; ++k) {
    TensorDescription weight, bias;
    weight.name = "fc" + std::to_string(k) + ".weight";
    weight.shape = {network.widths[k + 1], network.widths[k]};
    weight.axes = "[" + label(k + 1) + ", " + label(k) + "]";
    bias.name = "fc" + std::to_string(k) + ".bias";
    bias.shape = {network.widths[k + 1]};
    bias.axes = "[" + label(k + 1) + "]";
    bias.role = Role::bias;
    tensors.push_back(weight);
    tensors.push_back(bias);
  }
  return std::make_shared<const WeightSpace>(std::move(tensors));
}

NamedParameters parameters_of(const WeightSpace& space) {
  NamedParameters parameters;
  for (const Tensor& t : space.tensors()) {
    at::Tensor p = at::empty(t.shape), g = at::empty(t.shape);
    fill_normal(p, Rng(1).purpose(t.name), 0, 0.1);
    p.requires_grad_();
    p.mutable_grad() = fill_normal(g, Rng(2).purpose(t.name), 0, 0.01);
    parameters.emplace_back(t.name, p);
  }
  return parameters;
}

void learned_step(benchmark::State& state, const Network& network, const std::string& preset) {
  at::set_num_threads(1);
  const WeightSpacePtr space = space_of(network);
  const NamedParameters parameters = parameters_of(*space);
  const std::shared_ptr<const UpdateRule> rule = make_update_rule(rule_preset(preset), space);
  LearnedOptimizer optimizer(parameters, rule, rule->initial_theta(Rng(3)));
  for (auto _ : state) optimizer.step();
  int64_t bytes = 0;
  for (const auto& [name, tensor] : optimizer.state())
    if (name.rfind("state.", 0) == 0) bytes += static_cast<int64_t>(tensor.nbytes());
  state.counters["state"] = static_cast<double>(bytes) / static_cast<double>(space->parameter_count());
}

void adamw_step(benchmark::State& state, const Network& network) {
  at::set_num_threads(1);
  std::vector<at::Tensor> tensors;
  for (const auto& [name, tensor] : parameters_of(*space_of(network))) tensors.push_back(tensor);
  torch::optim::AdamW optimizer(tensors, torch::optim::AdamWOptions(1e-3));
  for (auto _ : state) optimizer.step();
  state.counters["state"] = 8;  // two float32 averages
}

}  // namespace
}  // namespace nfopt

int main(int argc, char** argv) {
  using namespace nfopt;
  for (const Network& network : kNetworks) {
    const auto name = [&](const std::string& optimizer) { return optimizer + "/" + network.name; };
    benchmark::RegisterBenchmark(name("adamw").c_str(), [&](benchmark::State& s) {
      adamw_step(s, network);
    })->Unit(benchmark::kMicrosecond);
    for (const std::string& preset : rule_preset_names())
      benchmark::RegisterBenchmark(name(preset).c_str(), [&, preset](benchmark::State& s) {
        learned_step(s, network, preset);
      })->Unit(benchmark::kMicrosecond);
  }
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
}
