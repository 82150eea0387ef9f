#pragma once

#include <nfopt/nflayers/spec/export.h>
#include <torch/torch.h>

#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

namespace nfopt {

/// A module of one tensor, applied to every tensor of a weight-space feature: `TupleOp(torch::nn::ReLU())`.
///
///   y_t = op(x_t)
///
/// Shapes   whatever `op` makes of [P, B, C, shape...]
/// Parameters  those of the module, under `op.`
/// Group    commutes with the layer group if `op` acts alike on every position (activations, ChannelLinear, ..).
class NFOPT_API TupleOpImpl : public torch::nn::Cloneable<TupleOpImpl> {
 public:
  explicit TupleOpImpl(torch::nn::AnyModule op) : op_(std::move(op)) { reset(); }
  template <class Holder>
  requires(!std::is_same_v<Holder, torch::nn::AnyModule> &&
           !std::is_same_v<Holder, TupleOpImpl>) explicit TupleOpImpl(Holder op)
      : TupleOpImpl(torch::nn::AnyModule(std::move(op))) {}

  void reset() override { register_module("op", op_.ptr()); }
  std::shared_ptr<torch::nn::Module> clone(const std::optional<torch::Device>& device = std::nullopt) const override;
  void pretty_print(std::ostream& stream) const override { stream << "nfopt::TupleOp"; }
  std::vector<at::Tensor> forward(const std::vector<at::Tensor>& x);

 private:
  torch::nn::AnyModule op_;
};
TORCH_MODULE(TupleOp);

}  // namespace nfopt
