#include <nfopt/runtime/binding/live_tensors.h>
#include <torch/nn/module.h>

#include <sstream>
#include <unordered_set>

namespace nfopt {

std::vector<LiveTensor> live_tensors(const torch::nn::Module& module) {
  std::vector<LiveTensor> tensors;
  for (const auto& item : module.named_parameters()) tensors.push_back({item.key(), item.value(), Kind::parameter});
  for (const auto& item : module.named_buffers()) tensors.push_back({item.key(), item.value(), Kind::buffer});
  return tensors;
}

std::vector<LiveTensor> live_tensors(const NamedTensorList& named) {
  std::vector<LiveTensor> tensors;
  for (const auto& [name, tensor] : named) tensors.push_back({name, tensor, std::nullopt});
  return tensors;
}

NamedShapes named_shapes(const std::vector<LiveTensor>& tensors) {
  NamedShapes shapes;
  std::unordered_set<const void*> seen;
  for (const auto& live : tensors)
    if (live.tensor.defined() && seen.insert(live.tensor.unsafeGetTensorImpl()).second)
      shapes.emplace_back(live.name, live.tensor.sizes().vec());
  return shapes;
}

std::string shape_text(at::IntArrayRef shape) {
  std::ostringstream text;
  text << shape;
  return text.str();
}

}  // namespace nfopt
