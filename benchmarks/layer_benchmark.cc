// Cost of one UNF layer: forward, and forward plus gradients of features and coefficients, on one thread.
//
//   layer_benchmark --benchmark_filter=mlp
//
// Counters: bytes are those of features read and written once, the least any evaluation moves; peak = bytes of tensors
// held at once beyond the inputs, per byte of the features that are read.

#include <benchmark/benchmark.h>
#include <nfopt/nflayers/layers/unf_linear_map.h>
#include <nfopt/nflayers/random/tensor_random.h>
#include <torch/torch.h>

#include "benchmarks/peak_memory.h"
#include "tests/nflayers/plan/numbered_spaces.h"

namespace nfopt {
namespace {

using Tensors = std::vector<at::Tensor>;

WeightSpace mlp_64_32_10() { return testing::dense_chain({64, 32, 10}); }
WeightSpace mlp_784_128_128_10() { return testing::dense_chain({784, 128, 128, 10}); }
WeightSpace transformer() { return testing::published_transformer(2000, 32, 128); }

Tensors random_features(const WeightSpace& space, int64_t channels) {
  Tensors x;
  for (const Tensor& tensor : space.tensors()) {
    std::vector<int64_t> sizes = {1, 1, channels};
    sizes.insert(sizes.end(), tensor.shape.begin(), tensor.shape.end());
    x.push_back(at::empty(sizes, at::kFloat));
    fill_normal(x.back(), Rng(1).purpose(tensor.name), 0, 1);
  }
  return x;
}

Tensors random_parameters(const UnfLinearMap& map) {
  Tensors parameters;
  for (const at::Tensor& p : map.initial_parameters(Rng(2))) parameters.push_back(p.to(at::kFloat));
  return parameters;
}

void count(benchmark::State& state, const WeightSpace& space, int64_t channels, const std::function<void()>& pass) {
  state.SetBytesProcessed(state.iterations() * space.parameter_count() * channels * 4);
  state.counters["peak"] = peak_bytes(pass) / static_cast<double>(space.parameter_count() * state.range(0) * 4);
}

void forward(benchmark::State& state, WeightSpace (*make)()) {
  const WeightSpace space = make();
  const UnfLinearMap map(space, Fold::fixed(), state.range(0), state.range(1));
  const auto parameters = random_parameters(map);
  const auto x = random_features(space, state.range(0));
  const torch::NoGradGuard guard;
  const auto pass = [&] { benchmark::DoNotOptimize(map(parameters, x)); };
  for (auto _ : state) pass();
  count(state, space, state.range(0) + state.range(1), pass);
}

void forward_backward(benchmark::State& state, WeightSpace (*make)()) {
  const WeightSpace space = make();
  const UnfLinearMap map(space, Fold::fixed(), state.range(0), state.range(1));
  auto parameters = random_parameters(map);
  auto x = random_features(space, state.range(0));
  const auto cotangents = random_features(space, state.range(1));
  Tensors inputs = parameters;
  inputs.insert(inputs.end(), x.begin(), x.end());
  for (at::Tensor& t : inputs) t.requires_grad_();
  const auto pass = [&] { benchmark::DoNotOptimize(torch::autograd::grad(map(parameters, x), inputs, cotangents)); };
  for (auto _ : state) pass();
  count(state, space, 2 * (state.range(0) + state.range(1)), pass);
}

void shapes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"in", "out"})->Args({32, 1})->Args({32, 32})->Unit(benchmark::kMicrosecond);
}

BENCHMARK_CAPTURE(forward, mlp_64_32_10, mlp_64_32_10)->Apply(shapes);
BENCHMARK_CAPTURE(forward, mlp_784_128_128_10, mlp_784_128_128_10)->Apply(shapes);
BENCHMARK_CAPTURE(forward, transformer, transformer)->Apply(shapes);
BENCHMARK_CAPTURE(forward_backward, mlp_64_32_10, mlp_64_32_10)->Apply(shapes);
BENCHMARK_CAPTURE(forward_backward, mlp_784_128_128_10, mlp_784_128_128_10)->Apply(shapes);
BENCHMARK_CAPTURE(forward_backward, transformer, transformer)->Apply(shapes);

}  // namespace
}  // namespace nfopt

int main(int argc, char** argv) {
  at::set_num_threads(1);
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
