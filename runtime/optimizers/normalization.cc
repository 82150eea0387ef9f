#include <nfopt/runtime/optimizers/normalization.h>
#include <torch/types.h>

namespace nfopt {
namespace {

// Each of these scales the channels of one tensor, [P, C, n].

at::Tensor tensor_rms(const at::Tensor& x, double epsilon) {
  return x * x.square().mean({1, 2}, /*keepdim=*/true).add(epsilon).rsqrt();
}

at::Tensor channel_rms(const at::Tensor& x, double epsilon) {
  return x * x.square().mean(2, /*keepdim=*/true).add(epsilon).rsqrt();
}

at::Tensor standardized(const at::Tensor& x, double epsilon) {
  const at::Tensor centred = x - x.mean(2, /*keepdim=*/true);
  // The root has no derivative at 0, where a one-element tensor always is; its features are 0 there.
  const at::Tensor variance = centred.square().mean(2, /*keepdim=*/true);
  const at::Tensor constant = variance == 0;
  const at::Tensor deviation = at::where(constant, at::zeros_like(variance), at::where(constant, 1, variance).sqrt());
  return centred / (deviation + epsilon);
}

}  // namespace

at::Tensor normalize(const at::Tensor& x, const ParameterLayout& layout, Normalization normalization, double epsilon) {
  std::vector<at::Tensor> parts = layout.split(x);
  for (at::Tensor& part : parts) {
    switch (normalization) {
      case Normalization::tensor_rms:
        part = tensor_rms(part, epsilon);
        break;
      case Normalization::channel_rms:
        part = channel_rms(part, epsilon);
        break;
      case Normalization::standardized:
        part = standardized(part, epsilon);
        break;
    }
  }
  return at::cat(parts, 2);
}

}  // namespace nfopt
