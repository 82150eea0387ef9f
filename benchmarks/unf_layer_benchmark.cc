// One UNF layer of nfopt, a step at a time, for benchmarks/peers/unf/compare: that program runs a jitted JAX layer beside
// it, in turn, so that both see the same machine.
//
//   unf_layer_benchmark SPACE IN OUT PHASE THREADS FILE      unf_layer_benchmark irnn 32 32 forward 2 irnn.safetensors
//
// SPACE: mlp_64_32_10 | mlp_784_128_128_10 | irnn | transformer. PHASE: forward | forward+backward. FILE receives what
// the other side needs to compute the same: the tensors' labels and shapes (metadata `tensors`), features in.NAME,
// coefficients theta.NAME and bias.NAME, cotangents cot.NAME, and nfopt's results out.NAME, grad.in.NAME, grad.theta.NAME
// and grad.bias.NAME, channels last as in the published code. Then the program serves steps (step_server.h).

#include <nfopt/nflayers/layers/unf_linear_map.h>
#include <nfopt/nflayers/random/tensor_random.h>
#include <nfopt/runtime/io/safetensors.h>
#include <torch/torch.h>

#include <functional>
#include <iostream>
#include <map>
#include <sstream>
#include <string>
#include <utility>

#include "benchmarks/step_server.h"
#include "tests/nflayers/plan/numbered_spaces.h"

namespace nfopt {
namespace {

using Tensors = std::vector<at::Tensor>;

// The published recurrent language model; its initial state has an axis of length 1 with a label of its own.
WeightSpace irnn() {
  return testing::numbered({{"embed/embeddings", {-1, 0}, {256, 32}},
                            {"irnn/linear/b", {1}, {64}},
                            {"irnn/linear/w", {0, 1}, {32, 64}},
                            {"irnn/linear_1/b", {1}, {64}},
                            {"irnn/linear_1/w", {1, 1}, {64, 64}},
                            {"linear/b", {-1}, {256}},
                            {"linear/w", {1, -1}, {64, 256}},
                            {"initial_state_0", {-2, 1}, {1, 64}}});
}

const std::map<std::string, std::function<WeightSpace()>>& spaces() {
  static const std::map<std::string, std::function<WeightSpace()>> known = {
      {"irnn", irnn},
      {"mlp_64_32_10",
       [] {
         return testing::dense_chain({64, 32, 10});
       }},
      {"mlp_784_128_128_10",
       [] {
         return testing::dense_chain({784, 128, 128, 10});
       }},
      {"transformer", [] { return testing::published_transformer(1000, 32, 128); }}};
  return known;
}

Tensors features(const WeightSpace& space, int64_t channels, uint64_t seed) {
  Tensors x;
  for (const Tensor& tensor : space.tensors()) {
    std::vector<int64_t> sizes = {1, 1, channels};
    sizes.insert(sizes.end(), tensor.shape.begin(), tensor.shape.end());
    x.push_back(at::empty(sizes, at::kFloat));
    fill_normal(x.back(), Rng(seed).purpose(tensor.name), 0, 1);
  }
  return x;
}

// [{"name": "w0", "labels": [0, 1], "shape": [64, 32]}, ..]
std::string described(const WeightSpace& space) {
  std::ostringstream text;
  for (const View& view : space.views()) {  // numbered spaces: one view per tensor, one factor per axis
    text << (text.tellp() > 0 ? ", " : "[") << "{\"name\": \"" << view.name << "\", \"labels\": [";
    for (size_t i = 0; i < view.factors.size(); ++i) text << (i > 0 ? ", " : "") << view.factors[i].label;
    text << "], \"shape\": [";
    for (size_t i = 0; i < view.factors.size(); ++i) text << (i > 0 ? ", " : "") << view.factors[i].size;
    text << "]}";
  }
  text << "]";
  return text.str();
}

struct Problem {
  WeightSpace space;
  UnfLinearMap map;
  bool train;
  Tensors parameters, x, cotangents;

  Problem(WeightSpace given, int64_t in, int64_t out, bool with_gradients)
      : space(std::move(given)),
        map(space, Fold::fixed(), in, out),
        train(with_gradients),
        x(features(space, in, 1)),
        cotangents(features(space, out, 2)) {
    for (const at::Tensor& p : map.initial_parameters(Rng(3))) parameters.push_back(p.to(at::kFloat));
    for (size_t i = 0; i < parameters.size(); ++i)  // biases start as zeros, which would hide an error in them
      if (parameters[i].dim() == 2) fill_normal(parameters[i], Rng(4).purpose(map.parameters()[i].name), 0, 1);
    if (!train) return;
    for (at::Tensor& t : parameters) t.requires_grad_();
    for (at::Tensor& t : x) t.requires_grad_();
  }

  struct Result {
    Tensors y, grads;  // of the parameters, then of x
  };
  Result step() const {
    if (!train) {
      const torch::NoGradGuard guard;
      return {map(parameters, x), {}};
    }
    Tensors inputs = parameters;
    inputs.insert(inputs.end(), x.begin(), x.end());
    Tensors y = map(parameters, x);
    Tensors grads = torch::autograd::grad(y, inputs, cotangents);
    return {std::move(y), std::move(grads)};
  }

  int64_t parameter_count() const {
    int64_t count = 0;
    for (const at::Tensor& p : parameters) count += p.numel();
    return count;
  }

  void write(const std::string& path) const {
    SafetensorsFile file;
    file.metadata["tensors"] = described(space);
    const Result result = step();
    auto add_features = [&](const std::string& prefix, const Tensors& list, size_t first) {
      for (size_t i = 0; i < x.size(); ++i)
        file.tensors.emplace_back(prefix + space.tensors()[i].name,
                                  list[first + i].detach()[0][0].movedim(0, -1).contiguous());
    };
    auto add_parameters = [&](const std::string& prefix, const Tensors& list) {
      for (size_t i = 0; i < parameters.size(); ++i)
        file.tensors.emplace_back(prefix + map.parameters()[i].name, list[i].detach()[0].contiguous());
    };
    add_features("in.", x, 0);
    add_features("cot.", cotangents, 0);
    add_features("out.", result.y, 0);
    add_parameters("", parameters);
    if (train) {
      add_parameters("grad.", result.grads);
      add_features("grad.in.", result.grads, parameters.size());
    }
    write_safetensors(path, file);
  }
};

int run(const std::vector<std::string>& args) {
  if (args.size() != 6 || spaces().count(args[0]) == 0) {
    std::cerr << "expected SPACE IN OUT PHASE THREADS FILE; spaces:";
    for (const auto& [name, make] : spaces()) std::cerr << ' ' << name;
    std::cerr << "\n";
    return 2;
  }
  at::set_num_threads(std::stoi(args[4]));
  at::empty({1}).add_(1);
  const double base_mb = peak_rss_mb();
  const Problem problem(spaces().at(args[0])(), std::stoll(args[1]), std::stoll(args[2]),
                        args[3] == "forward+backward");
  problem.write(args[5]);
  serve_steps(problem.parameter_count(), base_mb, [&] { problem.step(); });
  return 0;
}

}  // namespace
}  // namespace nfopt

int main(int argc, char** argv) { return nfopt::run({argv + 1, argv + argc}); }
