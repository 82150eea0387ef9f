#pragma once

#include <nfopt/nflayers/layers/parameter_scope.h>
#include <nfopt/nflayers/spec/export.h>
#include <torch/torch.h>

#include <memory>
#include <utility>
#include <vector>

namespace nfopt {

/// Parameters with dotted names registered directly in a module: "layer_0.weight" becomes the parameter `weight` of a
/// scope `layer_0`, "gamma" a parameter of the module itself. Make it anew in every reset().
class NFOPT_API ParameterList {
 public:
  ParameterList() = default;
  /// Zeros of the default dtype on the CPU.
  ParameterList(torch::nn::Module& owner, const std::vector<StoredParameter>& parameters);

  /// In the order given to the constructor.
  std::vector<at::Tensor> in_order() const;
  size_t size() const { return places_.size(); }

 private:
  struct Place {
    int scope = -1;       // -1: a parameter of the owner
    size_t position = 0;  // in own_ or in the scope's order
  };

  std::vector<Place> places_;
  std::vector<at::Tensor> own_;
  std::vector<std::shared_ptr<ParameterScope>> scopes_;
};

}  // namespace nfopt
