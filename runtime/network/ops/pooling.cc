#include <nfopt/nflayers/spec/error.h>
#include <nfopt/runtime/network/ops/member_channels.h>
#include <nfopt/runtime/network/ops/pooling.h>
#include <nfopt/runtime/network/ops/shape_text.h>
#include <torch/types.h>

#include <algorithm>

namespace nfopt::ops {
namespace {

void check_image(const char* op, const at::Tensor& x) {
  if (x.dim() == 5) return;
  throw Error("network", std::string(op) + " expects x [P, B, C, H, W]; received " + shape_text({{"x", x}}) + ".");
}

}  // namespace

at::Tensor max_pool(const at::Tensor& x, const MaxPoolOptions& options) {
  check_image("max_pool", x);
  const auto& [size, stride, padding] = options;
  const int64_t side = std::min(x.size(3), x.size(4));
  if (size < 1 || stride < 1 || padding < 0 || 2 * padding > size || side + 2 * padding < size) {
    throw Error("network", "max_pool finds no room for a window of " + std::to_string(size) + " with padding " +
                               std::to_string(padding) + " and stride " + std::to_string(stride) + "; received " +
                               shape_text({{"x", x}}) + ".");
  }
  const int64_t members = x.size(0);
  return channels_to_members(at::max_pool2d(members_to_channels(x, members), size, stride, padding), members);
}

at::Tensor global_average_pool(const at::Tensor& x) {
  check_image("global_average_pool", x);
  return x.mean({3, 4});
}

}  // namespace nfopt::ops
