#pragma once

#include <ATen/core/Tensor.h>
#include <nfopt/nflayers/spec/export.h>

namespace nfopt::ops {

/// P members side by side as channels of one tensor, so that one kernel made for channels serves all members.
///
///   [P|1, B, C, axes..]  ->  [B, P*C, axes..]        one x for all members is repeated
NFOPT_API at::Tensor members_to_channels(const at::Tensor& x, int64_t members);

/// The way back: [B, P*C, axes..] -> [P, B, C, axes..].
///
/// It is a view: members stay side by side in memory behind the batch axis, elementwise operations keep that order, and
/// the next members_to_channels() finds them in place. A whole network moves nothing.
NFOPT_API at::Tensor channels_to_members(const at::Tensor& y, int64_t members);

}  // namespace nfopt::ops
