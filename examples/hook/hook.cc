// A training loop that already existed, and the one place where its optimizer changes:
//
//   nfopt_hook adam     torch::optim::Adam
//   nfopt_hook unf      a learned rule that sees the whole network (any preset, or a file of meta-parameters)

#include <nfopt/nflayers/spec/error.h>
#include <nfopt/runtime/optimizers/make_learned_optimizer.h>
#include <torch/torch.h>

#include <cstdio>

struct Net : torch::nn::Module {
  Net() { register_module("layers", layers); }
  torch::Tensor forward(const torch::Tensor& x) { return second->forward(torch::relu(first->forward(x))); }

  torch::nn::Linear first{2, 16}, second{16, 2};
  torch::nn::ModuleList layers{first, second};  // parameters are called layers.0.weight, layers.0.bias, ..
};

std::unique_ptr<torch::optim::Optimizer> make_optimizer(const std::string& name, const Net& net) {
  if (name == "adam") return std::make_unique<torch::optim::Adam>(net.parameters(), 0.01);
  // The parameters' names and shapes say that this is the architecture `mlp`; docs/binding.md for networks of your own.
  return std::unique_ptr<torch::optim::Optimizer>(
      new nfopt::LearnedOptimizer(nfopt::make_learned_optimizer(net, name)));
}

int main(int argc, char** argv) try {
  torch::manual_seed(0);
  Net net;
  const auto optimizer = make_optimizer(argc > 1 ? argv[1] : "unf", net);

  for (int step = 0; step <= 1000; ++step) {
    const torch::Tensor x = torch::randn({128, 2});
    const torch::Tensor y = (x.prod(1) > 0).to(torch::kLong);  // are both coordinates on the same side of zero?
    optimizer->zero_grad();
    const torch::Tensor loss = torch::nn::functional::cross_entropy(net.forward(x), y);
    loss.backward();
    optimizer->step();
    if (step % 200 == 0) std::printf("step %4d   loss %.4f\n", step, loss.item<double>());
  }
} catch (const nfopt::Error& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 2;
}
