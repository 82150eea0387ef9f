#pragma once

#include <ATen/core/Tensor.h>
#include <nfopt/nflayers/spec/weight_space.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace nfopt {

/// The parameters and buffers of P networks of one architecture: one tensor `[P, shape...]` per name.
///
/// A single network is P = 1. Antithetic members share data without a copy because tensors are views wherever
/// possible. A cheap handle: copies refer to the same tensors.
class NFOPT_API Members {
 public:
  /// `tensors[i]` belongs to `space->tensors()[i]` and has shape [P, shape...].
  Members(WeightSpacePtr space, std::vector<at::Tensor> tensors);
  /// Zero-filled tensors.
  static Members zeros(WeightSpacePtr space, int64_t size, const at::TensorOptions& options);

  int64_t size() const { return size_; }
  const WeightSpacePtr& space() const { return space_; }

  /// A parameter or buffer by name, [P, shape...]. A miss throws Error that lists the names.
  const at::Tensor& operator[](std::string_view name) const;
  /// A buffer for writing (only when Pass::training). Throws Error if `name` is a parameter.
  at::Tensor& buffer(std::string_view name);
  /// The same members, names looked up as `prefix + name`.
  Members scope(std::string_view prefix) const;
  /// A name as the space knows it, scopes included.
  std::string full_name(std::string_view name) const { return prefix_ + std::string(name); }

  /// All tensors in the order of the space (shared, not copied).
  const std::vector<at::Tensor>& tensors() const { return *tensors_; }
  std::vector<at::Tensor>& tensors() { return *tensors_; }

 private:
  int find(std::string_view name) const;
  WeightSpacePtr space_;
  std::shared_ptr<std::vector<at::Tensor>> tensors_;
  std::string prefix_;
  int64_t size_ = 0;
};

}  // namespace nfopt
