#pragma once

#include <nfopt/nflayers/spec/export.h>
#include <nfopt/nflayers/spec/weight_space.h>
#include <torch/torch.h>

#include <vector>

namespace nfopt {

/// One mean per role: an invariant summary whose width is the same for every architecture.
///
///   y[p, b, r C + c] = mean over the tensors t with role r of  mean over all axes of x_t[p, b, c]
///
/// and 0 for a role that no tensor has.
/// Shapes   x [P, B, C, shape...] per tensor  ->  y [P, B, 6 C], roles in the order weight, table, bias, scale, stat, other
/// Group    invariant under every permutation within a tensor, and under permutations of tensors of one role: the layer
///          group of every fold, stacked experts included.
/// Errors   Error("layer", ..) for a wrong number of tensors, and lists every tensor that is not [P, B, C, shape...].
/// Cost     one read of every x.
NFOPT_API at::Tensor role_means(const WeightSpace& space, const std::vector<at::Tensor>& x);

/// Roles that role_means tells apart.
constexpr int64_t kRoles = 6;

/// role_means as a module, for sequences such as RoleTiedLinear(..), UnfRelu(), RolePool(space), torch::nn::Linear(..).
class NFOPT_API RolePoolImpl : public torch::nn::Cloneable<RolePoolImpl> {
 public:
  explicit RolePoolImpl(WeightSpacePtr space);

  void reset() override {}
  void pretty_print(std::ostream& stream) const override { stream << "nfopt::RolePool()"; }
  at::Tensor forward(const std::vector<at::Tensor>& x) { return role_means(*space_, x); }

 private:
  WeightSpacePtr space_;
};
TORCH_MODULE(RolePool);

}  // namespace nfopt
