#pragma once

#include <nfopt/nflayers/layers/nfn/weight_space_features.h>
#include <nfopt/nflayers/spec/export.h>
#include <nfopt/nflayers/spec/weight_space.h>
#include <torch/torch.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace nfopt {

/// The shape of one weight or bias; -1 stands for an axis whose size is left open.
struct ArraySpec {
  std::vector<int64_t> shape;
};

/// nfn's description of a feed-forward network: weights [n_{i+1}, n_i, kernel...] and biases [n_{i+1}].
class NFOPT_API NetworkSpec {
 public:
  /// Throws Error("layer", ..) listing every shape that does not fit the others.
  NetworkSpec(std::vector<ArraySpec> weight_spec, std::vector<ArraySpec> bias_spec);

  const std::vector<ArraySpec>& weight_spec() const { return weight_spec_; }
  const std::vector<ArraySpec>& bias_spec() const { return bias_spec_; }
  /// Number of layers.
  size_t size() const { return weight_spec_.size(); }
  /// Columns of the first weight and rows of the last: n_0 and n_L.
  std::pair<int64_t, int64_t> get_io() const;
  /// Throws Error("layer", ..) if a size is left open.
  int64_t get_num_params() const;

  /// The weight space that layers take: tensors weight 0, bias 0, weight 1, ..., labels ~in, h1, h2, ..., ~out, kernels
  /// fixed. `names` of the tensors, "0.weight", "0.bias", "1.weight", .. if empty. Needs all sizes.
  WeightSpacePtr weight_space(const std::vector<std::string>& names = {}) const;

 private:
  std::vector<ArraySpec> weight_spec_;
  std::vector<ArraySpec> bias_spec_;
};

/// The spec of features [B, C, ...]. Sizes that permutations act on are left open (-1) unless `set_all_dims`: only n_0,
/// n_L and kernels keep theirs. Weights are dense (rank 4 with B and C) or have any number of kernel axes.
NFOPT_API NetworkSpec network_spec_from_wsfeat(const WeightSpaceFeatures& features, bool set_all_dims = false);

/// The spec of a network whose parameters are weight 0, bias 0, weight 1, ... (an `nn::Sequential` of Linear and Conv
/// layers), all sizes set. Throws Error("layer", ..) for other parameters and where a layer does not fit the one before
/// (flattened images, normalisation, skipped biases: describe those in the axis language).
NFOPT_API NetworkSpec network_spec_from_module(const torch::nn::Module& module);

/// The same as a weight space with the module's own parameter names.
NFOPT_API WeightSpacePtr weight_space_from_module(const torch::nn::Module& module);

}  // namespace nfopt
