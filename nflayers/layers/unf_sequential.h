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

/// UNF layers `L0`, `L1`, .. with max(0, x) between them (arXiv:2402.05232). They share one plan's description of the
/// space; parameters are `L<k>.theta.<view>` and `L<k>.bias.<view>`. Equivariant under the layer group.
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
