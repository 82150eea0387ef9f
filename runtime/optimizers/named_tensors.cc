#include <nfopt/nflayers/spec/error.h>
#include <nfopt/nflayers/spec/near_names.h>
#include <nfopt/runtime/optimizers/named_tensors.h>

namespace nfopt {

void NamedTensors::add(std::string name, at::Tensor tensor) {
  if (find(name) != nullptr) throw Error("tensors", "the name '" + name + "' is already taken. Names are unique.");
  entries_.emplace_back(std::move(name), std::move(tensor));
}

const at::Tensor* NamedTensors::find(std::string_view name) const {
  for (const auto& [key, tensor] : entries_)
    if (key == name) return &tensor;
  return nullptr;
}

const at::Tensor& NamedTensors::at(std::string_view name) const {
  if (const at::Tensor* tensor = find(name)) return *tensor;
  std::vector<std::string> known;
  for (const auto& [key, tensor] : entries_) known.push_back(key);
  throw Error("tensors", "no tensor '" + std::string(name) + "'." + known_names(name, known));
}

at::Tensor& NamedTensors::at(std::string_view name) {
  return const_cast<at::Tensor&>(static_cast<const NamedTensors&>(*this).at(name));
}

int64_t NamedTensors::numel() const {
  int64_t n = 0;
  for (const auto& [key, tensor] : entries_) n += tensor.numel();
  return n;
}

}  // namespace nfopt
