#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>
#include <nfopt/nflayers/spec/export.h>

#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

namespace nfopt {

/// The features of nfn: weights [B, C, n_{i+1}, n_i, kernel...] and biases [B, C, n_{i+1}] of L layers. Layers of nfopt
/// take one tensor [P, B, C, shape...] per tensor of a weight space; `in_order` and `from_order` go between the two for a
/// feed-forward network described as weight 0, bias 0, weight 1, ...
class NFOPT_API WeightSpaceFeatures {
 public:
  /// Throws Error("layer", ..) unless there are as many weights as biases.
  WeightSpaceFeatures(std::vector<at::Tensor> weights, std::vector<at::Tensor> biases);
  static WeightSpaceFeatures from_zipped(const std::vector<std::pair<at::Tensor, at::Tensor>>& pairs);

  const std::vector<at::Tensor>& weights() const { return weights_; }
  const std::vector<at::Tensor>& biases() const { return biases_; }
  /// Number of layers.
  size_t size() const { return weights_.size(); }
  /// Weight and bias of a layer; negative indices count from the end.
  std::pair<at::Tensor, at::Tensor> operator[](int64_t layer) const;
  /// Layers first..last-1.
  WeightSpaceFeatures slice(size_t first, size_t last) const;
  std::vector<std::pair<at::Tensor, at::Tensor>> zipped() const;

  /// Entry by entry. Depths that differ are an Error (nfn silently keeps the shorter one).
  WeightSpaceFeatures operator+(const WeightSpaceFeatures& other) const;
  WeightSpaceFeatures operator*(const WeightSpaceFeatures& other) const;
  /// Tensor by tensor, with broadcasting.
  WeightSpaceFeatures operator*(const at::Tensor& factor) const;
  WeightSpaceFeatures operator*(double factor) const;
  WeightSpaceFeatures map(const std::function<at::Tensor(const at::Tensor&)>& f) const;
  WeightSpaceFeatures detach() const;
  WeightSpaceFeatures to(at::Device device) const;

  /// weight 0, bias 0, weight 1, ... as [1, B, C, shape...].
  std::vector<at::Tensor> in_order() const;
  /// The inverse. Throws Error("layer", ..) for P > 1 or an odd number of tensors.
  static WeightSpaceFeatures from_order(const std::vector<at::Tensor>& x);

 private:
  std::vector<at::Tensor> weights_;
  std::vector<at::Tensor> biases_;
};

/// Features of single networks, [C, shape...] each, stacked in front to one batch [B, C, shape...].
NFOPT_API WeightSpaceFeatures collate(const std::vector<WeightSpaceFeatures>& networks);

}  // namespace nfopt
