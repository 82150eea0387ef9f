#include <nfopt/nflayers/kernels/aten/views.h>
#include <nfopt/nflayers/layers/invariant_pool.h>
#include <nfopt/nflayers/spec/error.h>
#include <torch/torch.h>

namespace nfopt {

InvariantPool::InvariantPool(const WeightSpace& space, const Fold& fold)
    : plan_(std::make_shared<const Plan>(build_plan(space, fold, [](int, int, const Partition&) { return false; }))) {}

at::Tensor InvariantPool::operator()(const std::vector<at::Tensor>& x) const {
  if (x.size() != plan_->tensors.size())
    throw Error("layer", "a pool expects one feature tensor per tensor of the weight space, " +
                             std::to_string(plan_->tensors.size()) + ", received " + std::to_string(x.size()) + ".");
  std::vector<at::Tensor> means;
  means.reserve(plan_->views.size());
  for (const at::Tensor& view : aten::read_views(*plan_, x))
    means.push_back(view.dim() == 3 ? view : view.flatten(3).mean(3));
  return at::cat(means, 2);
}

}  // namespace nfopt
