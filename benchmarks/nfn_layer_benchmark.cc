// One NPLinear or HNPLinear of nfopt, a step at a time, for benchmarks/peers/nfn/nfn_layers.py: that program runs the same
// layer of nfn beside it, alternating, so that both see the same machine.
//
//   nfn_layer_benchmark LAYER SIZES KERNEL BATCH IN OUT PHASE THREADS      NPLinear 3-16-32-10 3 8 16 16 forward 2
//
// KERNEL k: every layer but the last is a k x k convolution, 0: none. PHASE: forward | forward+backward. Steps are served
// as step_server.h says.

#include <nfopt/nflayers/layers/nfn/hnp_linear.h>
#include <nfopt/nflayers/layers/nfn/network_spec.h>
#include <nfopt/nflayers/layers/nfn/np_linear.h>
#include <nfopt/nflayers/random/tensor_random.h>
#include <torch/torch.h>

#include <iostream>
#include <sstream>
#include <string>

#include "benchmarks/step_server.h"

namespace nfopt {
namespace {

using Tensors = std::vector<at::Tensor>;

WeightSpacePtr network(const std::string& sizes_text, int64_t kernel) {
  std::vector<int64_t> sizes;
  std::istringstream stream(sizes_text);
  for (std::string size; std::getline(stream, size, '-');) sizes.push_back(std::stoll(size));
  std::vector<ArraySpec> weights, biases;
  for (size_t i = 0; i + 1 < sizes.size(); ++i) {
    std::vector<int64_t> shape = {sizes[i + 1], sizes[i]};
    if (kernel > 0 && i + 2 < sizes.size()) shape.insert(shape.end(), 2, kernel);
    weights.push_back({std::move(shape)});
    biases.push_back({{sizes[i + 1]}});
  }
  return NetworkSpec(std::move(weights), std::move(biases)).weight_space();
}

Tensors features(const WeightSpace& space, int64_t batch, int64_t channels, uint64_t seed) {
  Tensors x;
  for (const Tensor& tensor : space.tensors()) {
    std::vector<int64_t> sizes = {1, batch, channels};
    sizes.insert(sizes.end(), tensor.shape.begin(), tensor.shape.end());
    x.push_back(at::empty(sizes, at::kFloat));
    fill_normal(x.back(), Rng(seed).purpose(tensor.name), 0, 1);
  }
  return x;
}

template <class Layer>
void serve(Layer layer, const WeightSpace& space, int64_t batch, int64_t in, int64_t out, bool train, double base_mb) {
  Tensors x = features(space, batch, in, 1), cotangents = features(space, batch, out, 2),
          parameters = layer->parameters();
  int64_t count = 0;
  for (const at::Tensor& p : parameters) count += p.numel();
  if (train)
    for (at::Tensor& t : x) t.requires_grad_();
  serve_steps(count, base_mb, [&] {
    if (!train) {
      const torch::NoGradGuard guard;
      layer->forward(x);
      return;
    }
    for (at::Tensor& p : parameters) p.mutable_grad().reset();
    for (at::Tensor& t : x) t.mutable_grad().reset();
    torch::autograd::backward(layer->forward(x), cotangents);
  });
}

int run(const std::vector<std::string>& args) {
  if (args.size() != 8) {
    std::cerr << "expected LAYER SIZES KERNEL BATCH IN OUT PHASE THREADS\n";
    return 2;
  }
  at::set_num_threads(std::stoi(args[7]));
  at::empty({1}).add_(1);
  const double base_mb = peak_rss_mb();
  const WeightSpacePtr space = network(args[1], std::stoll(args[2]));
  const int64_t batch = std::stoll(args[3]), in = std::stoll(args[4]), out = std::stoll(args[5]);
  const bool train = args[6] == "forward+backward";
  if (args[0] == "NPLinear")
    serve(NPLinear(NPLinearOptions(space, in, out)), *space, batch, in, out, train, base_mb);
  else
    serve(HNPLinear(HNPLinearOptions(space, in, out)), *space, batch, in, out, train, base_mb);
  return 0;
}

}  // namespace
}  // namespace nfopt

int main(int argc, char** argv) { return nfopt::run({argv + 1, argv + argc}); }
