#include <nfopt/runtime/network/ops/member_features.h>
#include <nfopt/runtime/network/ops/rms_norm.h>
#include <torch/types.h>

namespace nfopt::ops {

at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& weight, double epsilon) {
  const at::Tensor scale = beside_features("rms_norm", x, weight);
  return x * at::rsqrt(x.square().mean(-1, true) + epsilon) * scale;
}

}  // namespace nfopt::ops
