#pragma once

#include <nfopt/nflayers/action/group_action.h>
#include <nfopt/nflayers/random/rng.h>
#include <nfopt/nflayers/spec/weight_space.h>
#include <torch/torch.h>

#include <functional>
#include <string>
#include <vector>

namespace nfopt::testing {

/// What a layer of nfn commutes with, or does not change under.
enum class Symmetry : uint8_t {
  layer_group,   ///< labels and ordered labels (fold `fixed`)
  unfolded,      ///< what moves when ordered axes are folded too (fold `all`)
  plain_labels,  ///< the symmetries of the network alone
};

/// A layer of features and how to make it, for tests that every layer has to pass on every weight space.
struct ZooLayer {
  std::string name;
  Symmetry symmetry = Symmetry::layer_group;
  bool invariant = false;  ///< maps features to one tensor
  std::function<torch::nn::AnyModule(const WeightSpacePtr& space, int64_t channels)> make;
  bool kinks = false;  ///< piecewise linear: a derivative holds until two entries change places, or one its sign
  bool unfolded_only = false;  ///< refuses spaces with folded factors

  bool takes(const WeightSpace& space) const;
};

/// Every layer that maps the features of any weight space, with its variants; layers of one tensor as TupleOp, decoders
/// behind an encoder.
const std::vector<ZooLayer>& layer_zoo();

/// Parameters and buffers from a normal distribution of standard deviation 1/2.
void randomize(torch::nn::Module& module, const Rng& rng);

/// [members, batch, channels, shape...] per tensor.
std::vector<at::Tensor> random_features(const WeightSpace& space, int64_t members, int64_t batch, int64_t channels,
                                        at::TensorOptions options, const Rng& rng);

/// A random element of the group that `symmetry` stands for.
GroupAction random_action(const WeightSpace& space, Symmetry symmetry, const Rng& rng);

/// Largest difference of two lists of tensors over the largest entry of the first, at least 1.
double largest_difference(const std::vector<at::Tensor>& a, const std::vector<at::Tensor>& b);

}  // namespace nfopt::testing
