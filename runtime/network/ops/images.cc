#include <nfopt/nflayers/spec/error.h>
#include <nfopt/runtime/network/ops/images.h>
#include <nfopt/runtime/network/ops/shape_text.h>
#include <torch/types.h>

namespace nfopt::ops {

at::Tensor images(const at::Tensor& x, const ImageShape& shape) {
  const auto& [channels, height, width] = shape;
  if (x.dim() == 5 && x.size(2) == channels) return x;
  if (x.dim() >= 3 && x.numel() == x.size(0) * x.size(1) * channels * height * width) {
    return x.reshape({x.size(0), x.size(1), channels, height, width});
  }
  throw Error("network", "Expected images x [P|1, B, " + std::to_string(channels) + ", H, W], or " +
                             std::to_string(channels) + " x " + std::to_string(height) + " x " + std::to_string(width) +
                             " = " + std::to_string(channels * height * width) + " entries per example; received " +
                             shape_text({{"x", x}}) + ".");
}

}  // namespace nfopt::ops
