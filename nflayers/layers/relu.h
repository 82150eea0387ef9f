#pragma once

#include <nfopt/nflayers/spec/export.h>
#include <torch/torch.h>

#include <vector>

namespace nfopt {

/// max(0, x) of every entry of every tensor of a weight-space feature. Equivariant as it acts entry by entry.
/// Shapes   any -> the same
NFOPT_API std::vector<at::Tensor> relu(const std::vector<at::Tensor>& x);

/// The same as a module, for sequences.
class NFOPT_API UnfReluImpl : public torch::nn::Cloneable<UnfReluImpl> {
 public:
  void reset() override {}
  void pretty_print(std::ostream& stream) const override { stream << "nfopt::UnfRelu()"; }
  std::vector<at::Tensor> forward(const std::vector<at::Tensor>& x) { return relu(x); }
};
TORCH_MODULE(UnfRelu);

}  // namespace nfopt
