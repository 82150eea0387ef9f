#pragma once

#include <ATen/core/Tensor.h>
#include <nfopt/nflayers/spec/export.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace nfopt {

/// Tensors by name, in a fixed order: meta-parameters (`theta`), optimizer state, checkpoints.
class NFOPT_API NamedTensors {
 public:
  void add(std::string name, at::Tensor tensor);  ///< throws Error for a name already present
  const at::Tensor* find(std::string_view name) const;
  const at::Tensor& at(std::string_view name) const;  ///< a miss throws Error that lists near names
  at::Tensor& at(std::string_view name);
  size_t size() const { return entries_.size(); }
  int64_t numel() const;  ///< sum over all tensors
  auto begin() const { return entries_.begin(); }
  auto end() const { return entries_.end(); }
  auto begin() { return entries_.begin(); }
  auto end() { return entries_.end(); }

 private:
  std::vector<std::pair<std::string, at::Tensor>> entries_;
};

}  // namespace nfopt
