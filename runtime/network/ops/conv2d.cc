#include <nfopt/nflayers/spec/error.h>
#include <nfopt/runtime/network/ops/conv2d.h>
#include <nfopt/runtime/network/ops/member_channels.h>
#include <nfopt/runtime/network/ops/shape_text.h>
#include <torch/types.h>

namespace nfopt::ops {
namespace {

bool fits(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, const Conv2dOptions& options) {
  if (options.stride < 1 || options.padding < 0 || options.groups < 1) return false;
  if (x.dim() != 5 || weight.dim() != 5) return false;
  if (x.size(0) != 1 && x.size(0) != weight.size(0)) return false;
  if (x.size(2) != weight.size(2) * options.groups || weight.size(1) % options.groups != 0) return false;
  for (const int axis : {3, 4}) {
    if (x.size(axis) + 2 * options.padding < weight.size(axis)) return false;
  }
  return !bias.defined() || bias.sizes() == weight.sizes().slice(0, 2);
}

}  // namespace

at::Tensor conv2d(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, const Conv2dOptions& options) {
  if (!fits(x, weight, bias, options)) {
    throw Error("network",
                "conv2d expects x [P|1, B, in, H, W], weight [P, out, in/groups, kh, kw] no larger than the padded "
                "image, bias [P, out]; received " +
                    shape_text({{"x", x}, {"weight", weight}, {"bias", bias}}) + ", stride " +
                    std::to_string(options.stride) + ", padding " + std::to_string(options.padding) + ", groups " +
                    std::to_string(options.groups) + ". Compare the network's input with the architecture's options.");
  }
  const int64_t members = weight.size(0);
  // Without groups a member more over the same x is nothing but more outputs.
  const bool one_x = x.size(0) == 1 && (members == 1 || options.groups == 1);
  const at::Tensor y = at::conv2d(one_x ? x[0] : members_to_channels(x, members), weight.flatten(0, 1),
                                  bias.defined() ? bias.flatten() : bias, options.stride, options.padding,
                                  /*dilation=*/1, one_x ? options.groups : members * options.groups);
  return channels_to_members(y, members);
}

}  // namespace nfopt::ops
