// The invariance check of nfn's README: a neural functional network reads the weights of small CNNs, and permuting the
// channels of a CNN, which does not change what the CNN computes, does not change what is read.

#include <nfopt/nflayers/action/group_action.h>
#include <nfopt/nflayers/action/random_element.h>
#include <nfopt/nflayers/layers/nfn/network_spec.h>
#include <nfopt/nflayers/layers/nfn/np_linear.h>
#include <nfopt/nflayers/layers/nfn/np_pool.h>
#include <nfopt/nflayers/layers/nfn/state_dicts.h>
#include <nfopt/nflayers/layers/nfn/tuple_op.h>
#include <torch/torch.h>

#include <cstdio>

namespace nn = torch::nn;
using Features = std::vector<torch::Tensor>;  // one [P, B, C, shape...] per parameter of the CNN

nn::Sequential make_cnn() {
  return nn::Sequential(nn::Conv2d(nn::Conv2dOptions(3, 16, 3)), nn::ReLU(), nn::Conv2d(nn::Conv2dOptions(16, 32, 3)),
                        nn::ReLU(), nn::AdaptiveAvgPool2d(1), nn::Flatten(), nn::Linear(32, 10));
}

int main() {
  torch::manual_seed(0);
  std::vector<nfopt::WeightSpaceFeatures> networks;
  for (int i = 0; i < 10; ++i) networks.push_back(nfopt::state_dict_to_tensors(nfopt::state_dict(*make_cnn())));
  const Features weights = nfopt::collate(networks).in_order();

  // Which axes move together: conv [h1, ~in, *, *], [h2, h1, *, *], dense [~out, h2].
  const nfopt::WeightSpacePtr space = nfopt::weight_space_from_module(*make_cnn());
  const int64_t channels = 32;
  nn::Sequential nfn(nfopt::NPLinear(nfopt::NPLinearOptions(space, 1, channels).io_embed(true).seed(1)),
                     nfopt::TupleOp(nn::ReLU()),
                     nfopt::NPLinear(nfopt::NPLinearOptions(space, channels, channels).io_embed(true).seed(2)),
                     nfopt::TupleOp(nn::ReLU()), nfopt::HNPPool(space), nn::Flatten(nn::FlattenOptions().start_dim(-2)),
                     nn::Linear(channels * nfopt::HNPPoolImpl::get_num_outs(space), 1));

  const torch::NoGradGuard guard;
  const torch::Tensor out = nfn->forward<torch::Tensor>(weights);
  const nfopt::GroupAction permute(*space, nfopt::random_symmetry(*space, nfopt::Rng(0)));
  const torch::Tensor moved = nfn->forward<torch::Tensor>(permute(weights));
  const Features shuffled = {weights[0].roll(1, -1), weights[1], weights[2], weights[3], weights[4], weights[5]};
  const torch::Tensor broken = nfn->forward<torch::Tensor>(shuffled);  // kernel columns: no symmetry

  const double change = (moved - out).abs().max().item<double>(), other = (broken - out).abs().max().item<double>();
  std::printf("10 CNNs, one number each. Largest change:\n");
  std::printf("  hidden channels permuted   %.1e\n  kernel columns moved       %.1e\n", change, other);
  return change < 1e-4 && other > 1e-4 ? 0 : 1;
}
