#pragma once

#include <nfopt/nflayers/spec/weight_space.h>
#include <torch/torch.h>

#include <vector>

/// Networks in, networks out: a residual on the weights, in units of each tensor's standard deviation s_t.
///
///   w'_t = w_t + s_t * body(w / s)_t       body: IO encoding, HNPLinear - ReLU twice, HNPLinear, LearnedScale
///
/// Renumbering hidden units of a network renumbers those of the edited network alike; inputs and outputs are told
/// apart.
class EditorImpl : public torch::nn::Module {
 public:
  /// `population` [P, shape...] per tensor sets the units.
  EditorImpl(const nfopt::WeightSpacePtr& space, const std::vector<at::Tensor>& population, int64_t channels,
             uint64_t seed);

  /// [P, shape...] -> [P, shape...] per tensor of the space.
  std::vector<at::Tensor> forward(const std::vector<at::Tensor>& weights);

 private:
  std::vector<double> units_;
  torch::nn::Sequential body_{nullptr};
};
TORCH_MODULE(Editor);
