// A number about a network from its weights: the mean output of a small MLP. The prediction does not depend on how
// hidden units are numbered.

#include <nfopt/nflayers/action/group_action.h>
#include <nfopt/nflayers/action/random_element.h>
#include <nfopt/nflayers/layers/nfn/network_spec.h>
#include <nfopt/nflayers/layers/nfn/np_linear.h>
#include <nfopt/nflayers/layers/nfn/np_pool.h>
#include <nfopt/nflayers/layers/nfn/tuple_op.h>
#include <torch/torch.h>

#include <cstdio>

namespace nn = torch::nn;
using Features = std::vector<torch::Tensor>;  // w0, b0, w1, b1 as [P, B, C, shape...]

Features random_networks(int64_t batch) {  // 2-16-1
  return {torch::randn({1, batch, 1, 16, 2}), torch::randn({1, batch, 1, 16}), torch::randn({1, batch, 1, 1, 16}) / 4,
          torch::randn({1, batch, 1, 1})};
}

torch::Tensor mean_outputs(const Features& w) {  // over a grid of inputs, [B]
  const torch::Tensor line = torch::linspace(-1, 1, 7);
  const torch::Tensor grid = torch::cartesian_prod({line, line}).t();  // [2, 49]
  const torch::Tensor hidden = torch::relu(torch::matmul(w[0][0], grid) + w[1][0].unsqueeze(-1));
  return (torch::matmul(w[2][0], hidden) + w[3][0].unsqueeze(-1)).mean({1, 2, 3});
}

int main() {
  torch::manual_seed(0);
  const auto space = nfopt::NetworkSpec({{{16, 2}}, {{1, 16}}}, {{{16}}, {{1}}}).weight_space();
  nn::Sequential predictor(
      nfopt::NPLinear(nfopt::NPLinearOptions(space, 1, 16).io_embed(true).seed(1)), nfopt::TupleOp(nn::ReLU()),
      nfopt::NPLinear(nfopt::NPLinearOptions(space, 16, 16).io_embed(true).seed(2)), nfopt::TupleOp(nn::ReLU()),
      nfopt::HNPPool(space), nn::Flatten(nn::FlattenOptions().start_dim(-2)),
      nn::Linear(16 * nfopt::HNPPoolImpl::get_num_outs(space), 1));
  auto predict = [&](const Features& w) { return predictor->forward<torch::Tensor>(w).flatten(); };

  torch::optim::Adam adam(predictor->parameters(), 2e-3);
  for (int step = 0; step < 400; ++step) {
    const Features w = random_networks(64);
    adam.zero_grad();
    torch::mse_loss(predict(w), mean_outputs(w)).backward();
    adam.step();
  }

  const torch::NoGradGuard guard;
  const Features w = random_networks(512);
  const torch::Tensor truth = mean_outputs(w), guess = predict(w);
  const double unexplained = (torch::mse_loss(guess, truth) / truth.var()).item<double>();
  const nfopt::GroupAction renumber(*space, nfopt::random_symmetry(*space, nfopt::Rng(0)));
  const double change = (predict(renumber(w)) - guess).abs().max().item<double>();
  std::printf("variance explained %.3f   change when hidden units are renumbered %.1e\n", 1 - unexplained, change);
  return unexplained < 0.5 && change < 1e-4 ? 0 : 1;
}
