#pragma once

#include <nfopt/nflayers/layers/invariant_pool.h>
#include <nfopt/nflayers/layers/unf_sequential.h>
#include <torch/torch.h>

#include <vector>

namespace nfopt {

/// Options of UnfPredictor: `UnfPredictorOptions(space, {1, 32, 32}, 128, 1)`.
struct NFOPT_API UnfPredictorOptions {
  UnfPredictorOptions(WeightSpacePtr space, std::vector<int64_t> channels, int64_t hidden, int64_t outputs)
      : space_(std::move(space)), channels_(std::move(channels)), hidden_(hidden), outputs_(outputs) {}

  TORCH_ARG(WeightSpacePtr, space);
  TORCH_ARG(std::vector<int64_t>, channels);
  TORCH_ARG(int64_t, hidden);
  TORCH_ARG(int64_t, outputs);
  TORCH_ARG(Fold, fold) = Fold::fixed();
  TORCH_ARG(double, init_gain) = 1.0;
  TORCH_ARG(uint64_t, seed) = 0;
};

/// A number about a network, such as its test accuracy, from its weights: UNF layers with max(0, x) after every one, an
/// invariant pool, dense - max(0, x) - dense (the generalisation predictor of arXiv:2402.05232). Parameters are
/// `layers.L<k>.theta.<view>`, `layers.L<k>.bias.<view>`, `head0.w` [in, out], `head0.b`, `head1.w`, `head1.b`.
///
/// Shapes   x [P, B, C, shape...] per tensor  ->  y [P, B, outputs]
/// Group    invariant under the layer group.
class NFOPT_API UnfPredictorImpl : public torch::nn::Cloneable<UnfPredictorImpl> {
 public:
  explicit UnfPredictorImpl(UnfPredictorOptions options);

  void reset() override;
  void pretty_print(std::ostream& stream) const override;
  at::Tensor forward(const std::vector<at::Tensor>& x);
  /// The input of the dense head, [P, B, C * sum of F].
  at::Tensor pooled(const std::vector<at::Tensor>& x);

  UnfPredictorOptions options;
  UnfSequential layers{nullptr};

 private:
  InvariantPool pool_;
  std::shared_ptr<ParameterScope> head0_;
  std::shared_ptr<ParameterScope> head1_;
};
TORCH_MODULE(UnfPredictor);

}  // namespace nfopt
