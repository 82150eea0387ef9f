#pragma once

#include <nfopt/nflayers/layers/nfn/parameter_list.h>
#include <torch/torch.h>

namespace nfopt {

/// Options of ChannelLinear: `ChannelLinearOptions(8, 16).bias(false)`.
struct NFOPT_API ChannelLinearOptions {
  ChannelLinearOptions(int64_t in_channels, int64_t out_channels)
      : in_channels_(in_channels), out_channels_(out_channels) {}

  TORCH_ARG(int64_t, in_channels);
  TORCH_ARG(int64_t, out_channels);
  TORCH_ARG(bool, bias) = true;
  TORCH_ARG(uint64_t, seed) = 0;
};

/// One affine map over the channels of one tensor, entry by entry. `TupleOp(ChannelLinear(..))` acts on features.
///
///   y[p, b, :, ...] = W x[p, b, :, ...] + c
///
/// Shapes   x [P, B, C_in, any...]  ->  [P, B, C_out, any...]
/// Parameters  linear.weight [C_out, C_in], linear.bias [C_out]; uniform on +-1/sqrt(C_in)
/// Paper    arXiv:2305.13546, nfn 0.1.2 (whose tensors have no P)
class NFOPT_API ChannelLinearImpl : public torch::nn::Cloneable<ChannelLinearImpl> {
 public:
  explicit ChannelLinearImpl(ChannelLinearOptions options);

  void reset() override;
  void reset_parameters();
  void pretty_print(std::ostream& stream) const override;
  at::Tensor forward(const at::Tensor& x);

  ChannelLinearOptions options;

 private:
  ParameterList own_;
};
TORCH_MODULE(ChannelLinear);

/// W x + c along axis 2: x [P, B, C_in, any...], weight [C_out, C_in], bias [C_out] or undefined.
NFOPT_API at::Tensor map_channels(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias);

}  // namespace nfopt
