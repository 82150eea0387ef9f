#pragma once

#include <nfopt/nflayers/layers/nfn/parameter_list.h>
#include <torch/torch.h>

namespace nfopt {

/// Options of ChannelLayerNorm: `ChannelLayerNormOptions(32)`.
struct NFOPT_API ChannelLayerNormOptions {
  ChannelLayerNormOptions(int64_t channels) : channels_(channels) {}
  TORCH_ARG(int64_t, channels);
  TORCH_ARG(double, eps) = 1e-5;
};

/// Normalises the channels of one tensor, entry by entry.
///
///   y_c = gamma_c (x_c - mean) / (s + eps) + beta_c        s^2 = sum_c (x_c - mean)^2 / (C - 1)
///
/// As in nfn, the divisor is C - 1 and eps is added to s: one channel gives NaN.
///
/// Shapes   x [P, B, C, any...] -> the same
/// Parameters  gamma [C] = 1, beta [C] = 0
/// Paper    nfn 0.1.2 (whose tensors have no P)
class NFOPT_API ChannelLayerNormImpl : public torch::nn::Cloneable<ChannelLayerNormImpl> {
 public:
  explicit ChannelLayerNormImpl(ChannelLayerNormOptions options);
  void reset() override;
  void pretty_print(std::ostream& stream) const override;
  at::Tensor forward(const at::Tensor& x);

  ChannelLayerNormOptions options;

 private:
  ParameterList own_;
};
TORCH_MODULE(ChannelLayerNorm);

/// The function: gamma and beta [C], x [P, B, C, any...].
NFOPT_API at::Tensor channel_layer_norm(const at::Tensor& x, const at::Tensor& gamma, const at::Tensor& beta,
                                        double eps);

}  // namespace nfopt
