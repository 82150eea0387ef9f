#include <nfopt/runtime/network/ops/member_channels.h>
#include <torch/types.h>

namespace nfopt::ops {

at::Tensor members_to_channels(const at::Tensor& x, int64_t members) {
  std::vector<int64_t> sizes = x.sizes().vec();
  sizes.front() = members;
  return x.expand(sizes).transpose(0, 1).flatten(1, 2);
}

at::Tensor channels_to_members(const at::Tensor& y, int64_t members) {
  return y.unflatten(1, {members, y.size(1) / members}).transpose(0, 1);
}

}  // namespace nfopt::ops
