#pragma once

#include <ATen/core/Tensor.h>
#include <nfopt/nflayers/plan/plan.h>

#include <vector>

namespace nfopt::aten {

/// Features of the plan's views, [P, B, C * F, axes...], from one tensor [P, B, C, shape...] per tensor of the space.
/// No copy unless factors are folded (their channels must be adjacent) or tensors are stacked.
std::vector<at::Tensor> read_views(const Plan& plan, const std::vector<at::Tensor>& features);

/// The inverse: tensors of the space from its views. A tensor with a single view is that view's memory.
std::vector<at::Tensor> write_views(const Plan& plan, const std::vector<at::Tensor>& views);

}  // namespace nfopt::aten
