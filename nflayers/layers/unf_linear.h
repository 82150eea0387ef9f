#pragma once

#include <nfopt/nflayers/layers/parameter_scope.h>
#include <nfopt/nflayers/layers/unf_linear_map.h>
#include <torch/torch.h>

#include <memory>
#include <vector>

namespace nfopt {

/// Options of UnfLinear: `UnfLinearOptions(space, 19, 32).init_gain(2).seed(7)`.
struct NFOPT_API UnfLinearOptions {
  UnfLinearOptions(WeightSpacePtr space, int64_t in_channels, int64_t out_channels)
      : space_(std::move(space)), in_channels_(in_channels), out_channels_(out_channels) {}

  TORCH_ARG(WeightSpacePtr, space);
  TORCH_ARG(int64_t, in_channels);
  TORCH_ARG(int64_t, out_channels);
  TORCH_ARG(Fold, fold) = Fold::fixed();
  TORCH_ARG(double, init_gain) = 1.0;  // theta ~ N(0, gain / (C_in * rows)); 2 is "he", 0 starts at zero
  TORCH_ARG(uint64_t, seed) = 0;
};

/// UnfLinearMap as a module that owns one network's parameters, `theta.<view>` [rows, C_in, C_out * F] and
/// `bias.<view>` [C_out * F]: equation, group and cost are written there.
///
/// Shapes   x [P, B, C_in, shape...]  ->  [P, B, C_out, shape...], one per tensor of the space; P and B are batches.
class NFOPT_API UnfLinearImpl : public torch::nn::Cloneable<UnfLinearImpl> {
 public:
  explicit UnfLinearImpl(UnfLinearOptions options);

  void reset() override;
  /// Draws the parameters anew from the options' seed.
  void reset_parameters();
  void pretty_print(std::ostream& stream) const override;
  std::vector<at::Tensor> forward(const std::vector<at::Tensor>& x);

  const UnfLinearMap& map() const { return *map_; }

  UnfLinearOptions options;

 private:
  std::vector<at::Tensor> parameters_in_order() const;

  std::shared_ptr<const UnfLinearMap> map_;
  std::shared_ptr<ParameterScope> theta_;
  std::shared_ptr<ParameterScope> bias_;
};
TORCH_MODULE(UnfLinear);

}  // namespace nfopt
