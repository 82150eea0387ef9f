// Networks in, networks out: an editor learns to change the weights of small MLPs so that each computes f(x) + 1/2.
// Renumbering the hidden units of a network renumbers those of the edited network alike.

#include <nfopt/nflayers/action/group_action.h>
#include <nfopt/nflayers/action/random_element.h>
#include <nfopt/nflayers/layers/nfn/hnp_linear.h>
#include <nfopt/nflayers/layers/nfn/learned_scale.h>
#include <nfopt/nflayers/layers/nfn/network_spec.h>
#include <nfopt/nflayers/layers/nfn/tuple_op.h>
#include <torch/torch.h>

#include <cstdio>

namespace nn = torch::nn;
using Features = std::vector<torch::Tensor>;  // w0, b0, w1, b1 as [P, B, C, shape...]

Features random_networks(int64_t batch) {  // 2-16-1
  return {torch::randn({1, batch, 1, 16, 2}), torch::randn({1, batch, 1, 16}), torch::randn({1, batch, 1, 1, 16}) / 4,
          torch::randn({1, batch, 1, 1})};
}

torch::Tensor outputs(const Features& w, const torch::Tensor& x) {  // x [2, points] -> [B, points]
  const torch::Tensor hidden = torch::sin(torch::matmul(w[0][0], x) + w[1][0].unsqueeze(-1));
  return (torch::matmul(w[2][0], hidden) + w[3][0].unsqueeze(-1)).flatten(1);
}

int main() {
  torch::manual_seed(0);
  const auto space = nfopt::NetworkSpec({{{16, 2}}, {{1, 16}}}, {{{16}}, {{1}}}).weight_space();
  nn::Sequential editor(nfopt::HNPLinear(nfopt::HNPLinearOptions(space, 1, 16).seed(1)), nfopt::TupleOp(nn::ReLU()),
                        nfopt::HNPLinear(nfopt::HNPLinearOptions(space, 16, 1).seed(2)),
                        nfopt::LearnedScale(nfopt::LearnedScaleOptions(space, 0.1)));
  auto edit = [&](const Features& w) {
    Features edited = editor->forward<Features>(w);
    for (size_t i = 0; i < w.size(); ++i) edited[i] = w[i] + edited[i];
    return edited;
  };
  auto error = [&](const Features& w) {
    const torch::Tensor x = torch::rand({2, 32}) * 2 - 1;
    return torch::mse_loss(outputs(edit(w), x), outputs(w, x) + 0.5);
  };

  torch::optim::Adam adam(editor->parameters(), 3e-3);
  for (int step = 0; step < 300; ++step) {
    adam.zero_grad();
    error(random_networks(32)).backward();
    adam.step();
  }

  const torch::NoGradGuard guard;
  const Features w = random_networks(256);
  const double left = error(w).item<double>();
  const nfopt::GroupAction renumber(*space, nfopt::random_symmetry(*space, nfopt::Rng(0)));
  const Features edited_then_moved = renumber(edit(w)), moved_then_edited = edit(renumber(w));
  double difference = 0;
  for (size_t i = 0; i < w.size(); ++i)
    difference = std::max(difference, (edited_then_moved[i] - moved_then_edited[i]).abs().max().item<double>());
  std::printf("squared error %.4f (0.25 without an edit)   difference when renumbered %.1e\n", left, difference);
  return left < 0.05 && difference < 1e-4 ? 0 : 1;
}
