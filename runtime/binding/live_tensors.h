#pragma once

#include <ATen/core/Tensor.h>
#include <nfopt/nflayers/spec/export.h>
#include <nfopt/nflayers/spec/tensor_description.h>
#include <nfopt/runtime/plugin/architecture.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace torch::nn {
class Module;
}

namespace nfopt {

/// A tensor of a network that exists outside of nfopt, under the name its owner gave it.
struct LiveTensor {
  std::string name;
  at::Tensor tensor;
  std::optional<Kind> kind;  ///< unknown in a state dict
};

/// Tensors by name, as `Module::named_parameters` and state dicts give them.
using NamedTensorList = std::vector<std::pair<std::string, at::Tensor>>;

/// The parameters, then the buffers of a module; shared ones under every name they have.
NFOPT_API std::vector<LiveTensor> live_tensors(const torch::nn::Module& module);
NFOPT_API std::vector<LiveTensor> live_tensors(const NamedTensorList& tensors);

/// Names and shapes; of a tensor with several names the first one only, because a description lists it once.
NFOPT_API NamedShapes named_shapes(const std::vector<LiveTensor>& tensors);

/// "[64, 784]".
NFOPT_API std::string shape_text(at::IntArrayRef shape);

}  // namespace nfopt
