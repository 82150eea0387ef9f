#pragma once

#include <nfopt/nflayers/random/rng.h>
#include <nfopt/nflayers/spec/export.h>
#include <torch/torch.h>

#include <memory>
#include <utility>
#include <vector>

namespace nfopt {

/// Options of ResBlock: `ResBlockOptions(AnyModule(base), AnyModule(activation), 0.1, AnyModule(norm))`, modules of
/// features.
struct NFOPT_API ResBlockOptions {
  ResBlockOptions(torch::nn::AnyModule base_layer, torch::nn::AnyModule activation, double dropout,
                  torch::nn::AnyModule norm)
      : base_layer_(std::move(base_layer)),
        activation_(std::move(activation)),
        dropout_(dropout),
        norm_(std::move(norm)) {}

  TORCH_ARG(torch::nn::AnyModule, base_layer);
  TORCH_ARG(torch::nn::AnyModule, activation);
  TORCH_ARG(double, dropout);
  TORCH_ARG(torch::nn::AnyModule, norm);
  TORCH_ARG(uint64_t, seed) = 0;  // of the dropout
};

/// A residual block around a layer that keeps the channel count.
///
///   y = x + D(activation(base_layer(norm(x))))      D: in training every entry is zero with probability `dropout`,
///                                                   else divided by 1 - dropout
/// Shapes   x [P, B, C, shape...] -> the same
/// Parameters  those of its modules, under `base_layer.`, `activation.`, `norm.`
/// Group    commutes with whatever its modules commute with (in training in distribution).
/// Paper    arXiv:2305.13546, nfn 0.1.2
class NFOPT_API ResBlockImpl : public torch::nn::Cloneable<ResBlockImpl> {
 public:
  explicit ResBlockImpl(ResBlockOptions options);

  void reset() override;
  std::shared_ptr<torch::nn::Module> clone(const std::optional<torch::Device>& device = std::nullopt) const override;
  void pretty_print(std::ostream& stream) const override;
  std::vector<at::Tensor> forward(const std::vector<at::Tensor>& x);

  ResBlockOptions options;

 private:
  uint64_t passes_ = 0;  // training passes so far: each has its own draws
};
TORCH_MODULE(ResBlock);

}  // namespace nfopt
