#pragma once

#include <ATen/core/Tensor.h>
#include <nfopt/nflayers/plan/block_layout.h>
#include <nfopt/nflayers/plan/plan.h>
#include <nfopt/nflayers/spec/export.h>

#include <memory>
#include <utility>
#include <vector>

namespace nfopt {

/// weight_space_linear for coefficients that are rectangles of stored parameters, multiplied where the parameters lie:
/// one product per rectangle instead of one per signature, and neither coefficients nor their gradient exist.
///
///   y = L(layout(parameters)) x          parameters [1, shape...], shared by all P members and B networks
///
/// It pays where the layer is more matrix than features: HNPLinear on an MLP 784-128-128-10 has 20 million coefficients,
/// whose assembly costs as much as the product. One autograd node; derivatives of any order exist (the higher ones
/// assemble the coefficients).
/// [any-thread] immutable.
class NFOPT_API BlockLinear {
 public:
  /// Nothing where it does not pay or a rectangle is no strided matrix.
  static std::shared_ptr<const BlockLinear> make(std::shared_ptr<const Plan> plan, int64_t in_channels,
                                                 int64_t out_channels, const BlockLayout& layout);

  std::vector<at::Tensor> operator()(const std::vector<at::Tensor>& parameters, const std::vector<at::Tensor>& x) const;

  struct Parts;

 private:
  explicit BlockLinear(std::shared_ptr<const Parts> parts) : parts_(std::move(parts)) {}

  std::shared_ptr<const Parts> parts_;
};

}  // namespace nfopt
