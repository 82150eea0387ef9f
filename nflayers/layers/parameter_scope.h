#pragma once

#include <nfopt/nflayers/plan/coefficients.h>
#include <nfopt/nflayers/spec/export.h>
#include <torch/torch.h>

#include <memory>
#include <string>
#include <vector>

namespace nfopt {

/// Parameters with dotted names ("fc1.weight") in a torch::nn tree, where a name may not hold a dot: every part but the
/// last becomes a nested scope, so that named_parameters() and archives show the full name again.
class NFOPT_API ParameterScope : public torch::nn::Cloneable<ParameterScope> {
 public:
  /// Zeros of the default dtype on the CPU.
  explicit ParameterScope(std::vector<StoredParameter> parameters);

  void reset() override;
  /// In the order given to the constructor.
  std::vector<at::Tensor> in_order() const;

 private:
  struct Place {
    int child = -1;       // -1: a parameter of this scope
    size_t position = 0;  // in own_ or in the child's order
  };

  std::vector<StoredParameter> parameters_given_;
  std::vector<Place> places_;
  std::vector<at::Tensor> own_;
  std::vector<std::shared_ptr<ParameterScope>> scopes_;
};

}  // namespace nfopt
