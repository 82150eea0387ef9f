#pragma once

#include <nfopt/nflayers/layers/unf_linear.h>
#include <torch/torch.h>

#include <vector>

namespace nfopt {

/// Options of UnfSequential: `UnfSequentialOptions(space, {8, 32, 32, 1})` are three layers.
struct NFOPT_API UnfSequentialOptions {
  UnfSequentialOptions(WeightSpacePtr space, std::vector<int64_t> channels)
      : space_(std::move(space)), channels_(std::move(channels)) {}

  TORCH_ARG(WeightSpacePtr, space);
  TORCH_ARG(std::vector<int64_t>, channels);  // of the input, then of every layer
  TORCH_ARG(Fold, fold) = Fold::fixed();
  TORCH_ARG(bool, relu_after_last) = false;
  TORCH_ARG(double, init_gain) = 1.0;
  TORCH_ARG(uint64_t, seed) = 0;
};

/// UNF layers `L0`, `L1`, .. with max(0, x) between them (arXiv:2402.05232), after the last one too if `relu_after_last`.
///
/// Shapes   x [P, B, channels[0], shape...]  ->  [P, B, channels.back(), shape...], one per tensor of the space
/// Parameters  `L<k>.theta.<view>`, `L<k>.bias.<view>`, as those of UnfLinear
/// Group    commutes with the layer group of the space and fold.
/// Errors   Error("layer", ..) for fewer than two numbers of channels, and those of UnfLinear.
/// Cost     that of the layers; each keeps its input for the backward pass.
class NFOPT_API UnfSequentialImpl : public torch::nn::Cloneable<UnfSequentialImpl> {
 public:
  explicit UnfSequentialImpl(UnfSequentialOptions options);

  void reset() override;
  void pretty_print(std::ostream& stream) const override;
  std::vector<at::Tensor> forward(std::vector<at::Tensor> x);

  UnfSequentialOptions options;

 private:
  std::vector<UnfLinear> layers_;
};
TORCH_MODULE(UnfSequential);

}  // namespace nfopt
