#pragma once

#include <nfopt/nflayers/layers/unf_pool_map.h>
#include <torch/torch.h>

#include <memory>
#include <vector>

namespace nfopt {

/// UnfPoolMap as a module, for sequences such as
///
///   TupleOp(ChannelLinear({1, 32})), UnfPool(space), TupleOp(ChannelLinear({32, 32})), TupleOp(torch::nn::ReLU()), ..
///
/// Equation, group, errors and cost are written there. No parameters.
///
/// Shapes   x [P, B, C, shape...]  ->  the same, one per tensor of the space; C is any number
class NFOPT_API UnfPoolImpl : public torch::nn::Cloneable<UnfPoolImpl> {
 public:
  explicit UnfPoolImpl(const WeightSpacePtr& space);

  void reset() override {}
  void pretty_print(std::ostream& stream) const override { stream << "nfopt::UnfPool()"; }
  std::vector<at::Tensor> forward(const std::vector<at::Tensor>& x) { return (*map_)(x); }

 private:
  std::shared_ptr<const UnfPoolMap> map_;  // clones share it
};
TORCH_MODULE(UnfPool);

}  // namespace nfopt
