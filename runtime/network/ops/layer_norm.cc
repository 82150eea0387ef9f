#include <nfopt/runtime/network/ops/layer_norm.h>
#include <nfopt/runtime/network/ops/member_features.h>
#include <torch/types.h>

namespace nfopt::ops {

at::Tensor layer_norm(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, double epsilon) {
  const at::Tensor scale = beside_features("layer_norm", x, weight);
  const at::Tensor normal = at::layer_norm(x, {x.size(-1)}, {}, {}, epsilon);
  return bias.defined() ? at::addcmul(beside_features("layer_norm", x, bias), normal, scale) : normal * scale;
}

}  // namespace nfopt::ops
