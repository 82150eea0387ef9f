#include <nfopt/nflayers/spec/error.h>
#include <nfopt/runtime/network/ops/group_norm.h>
#include <nfopt/runtime/network/ops/member_channels.h>
#include <nfopt/runtime/network/ops/shape_text.h>
#include <torch/types.h>

namespace nfopt::ops {

at::Tensor group_norm(const at::Tensor& x, int64_t groups, const at::Tensor& weight, const at::Tensor& bias,
                      double epsilon) {
  const bool fits = x.dim() >= 3 && weight.dim() == 2 && x.size(0) == weight.size(0) && x.size(2) == weight.size(1) &&
                    bias.sizes() == weight.sizes() && groups >= 1 && x.size(2) % groups == 0;
  if (!fits) {
    throw Error("network",
                "group_norm expects x [P, B, C, axes..], weight and bias [P, C], and groups that divide C; received " +
                    shape_text({{"x", x}, {"weight", weight}, {"bias", bias}}) + ", groups " + std::to_string(groups) +
                    ".");
  }
  const int64_t members = weight.size(0);
  const at::Tensor y = at::group_norm(members_to_channels(x, members), members * groups, weight.flatten(),
                                      bias.flatten(), epsilon, /*cudnn_enabled=*/true);
  return channels_to_members(y, members);
}

}  // namespace nfopt::ops
