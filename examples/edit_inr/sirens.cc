#include "sirens.h"

#include <ATen/Parallel.h>
#include <nfopt/runtime/network/trainable.h>
#include <nfopt/runtime/plugin/instance.h>
#include <nfopt/runtime/plugin/registry.h>
#include <tbb/parallel_for.h>
#include <torch/torch.h>

#include <cmath>
#include <mutex>
#include <numbers>

namespace {

constexpr double kFrequency = 30;  // folded into the weights below a sine, which therefore move in steps as much larger

at::Tensor grid(int64_t size, const at::TensorOptions& options) {  // [1, size * size, 2]
  const at::Tensor centres = (at::arange(size, options) * 2 + 1) / size - 1;
  return at::stack(at::meshgrid({centres, centres}, "ij"), -1).reshape({1, size * size, 2});
}

}  // namespace

Sirens::Sirens(int64_t width) {
  const nfopt::Instance instance =
      nfopt::instantiate(nfopt::Registry::global().find("mlp"), {{"input_size", int64_t{2}},
                                                                 {"hidden", std::vector<int64_t>{width, width}},
                                                                 {"output_size", int64_t{1}},
                                                                 {"activation", std::string("sine")},
                                                                 {"initialization", std::string("siren")}});
  space_ = instance.space;
  network_ = nfopt::make_network(instance);
}

std::vector<at::Tensor> Sirens::fresh(int64_t count, const nfopt::Rng& rng) const {
  nfopt::Members members = nfopt::Members::zeros(space_, count, at::kFloat);
  network_->initialize(members, rng);
  return members.tensors();
}

at::Tensor Sirens::render(const std::vector<at::Tensor>& weights, int64_t size) const {
  nfopt::Members members(space_, weights);
  const at::Tensor y = network_->forward(members, grid(size, weights.front().options().requires_grad(false)), {});
  return y.reshape({members.size(), size, size});
}

std::vector<at::Tensor> fit(const Sirens& sirens, const at::Tensor& images, const FitOptions& options,
                            const std::function<void(int64_t done, double error)>& progress) {
  const int64_t count = images.size(0), size = images.size(1);
  std::vector<at::Tensor> weights =
      sirens.fresh(options.one_start ? 1 : count, nfopt::Rng(options.seed).purpose("fit"));
  if (options.one_start)
    for (at::Tensor& w : weights) w = w.repeat_interleave(count, 0);
  std::mutex mutex;
  int64_t done = 0;
  tbb::parallel_for(int64_t{0}, (count + options.chunk - 1) / options.chunk, [&](int64_t chunk) {
    if (at::get_num_threads() != 1) at::set_num_threads(1);  // LibTorch keeps the number per thread
    const int64_t first = chunk * options.chunk, members = std::min(options.chunk, count - first);
    const at::Tensor targets = images.narrow(0, first, members);
    std::vector<at::Tensor> own, sines, output;
    for (const at::Tensor& w : weights) own.push_back(w.narrow(0, first, members).clone().requires_grad_());
    sines.assign(own.begin(), own.end() - 2);
    output.assign(own.end() - 2, own.end());
    torch::optim::Adam adam(std::vector<torch::optim::OptimizerParamGroup>{{sines}, {output}});
    for (int64_t step = 0; step < options.steps; ++step) {
      const double phase = static_cast<double>(step) / static_cast<double>(options.steps);
      const double rate = options.rate * (1 + std::cos(std::numbers::pi * phase)) / 2;
      adam.param_groups()[0].options().set_lr(rate * kFrequency);
      adam.param_groups()[1].options().set_lr(rate);
      adam.zero_grad();
      const at::Tensor error = (sirens.render(own, size) - targets).square().mean({1, 2}).sum();
      error.backward();
      adam.step();
      const double mean = error.item<double>() / static_cast<double>(members);
      const std::scoped_lock lock(mutex);
      done += members;
      progress(done, mean);
    }
    const torch::NoGradGuard guard;
    for (size_t i = 0; i < own.size(); ++i) weights[i].narrow(0, first, members).copy_(own[i]);
  });
  return weights;
}
