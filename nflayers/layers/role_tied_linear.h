#pragma once

#include <nfopt/nflayers/layers/role_tied_map.h>
#include <torch/torch.h>

#include <memory>
#include <string>
#include <vector>

namespace nfopt {

/// Options of RoleTiedLinear: `RoleTiedLinearOptions(space, 8, 8).seed(7)`.
struct NFOPT_API RoleTiedLinearOptions {
  RoleTiedLinearOptions(WeightSpacePtr space, int64_t in_channels, int64_t out_channels)
      : space_(std::move(space)), in_channels_(in_channels), out_channels_(out_channels) {}

  TORCH_ARG(WeightSpacePtr, space);
  TORCH_ARG(int64_t, in_channels);
  TORCH_ARG(int64_t, out_channels);
  TORCH_ARG(uint64_t, seed) = 0;
};

/// RoleTiedMap as a module that owns one network's coefficients, one parameter per key: equation, keys, group and cost
/// are written there.
///
/// Shapes   x [P, B, C_in, shape...]  ->  [P, B, C_out, shape...], one per tensor of the space; P and B are batches.
class NFOPT_API RoleTiedLinearImpl : public torch::nn::Cloneable<RoleTiedLinearImpl> {
 public:
  explicit RoleTiedLinearImpl(RoleTiedLinearOptions options);

  void reset() override;
  /// Draws the parameters anew from the options' seed.
  void reset_parameters();
  void pretty_print(std::ostream& stream) const override;
  std::vector<at::Tensor> forward(const std::vector<at::Tensor>& x);

  /// All coefficients by key, without the population dimension; keys of other architectures that were loaded included.
  std::map<std::string, at::Tensor> dictionary() const;
  /// Takes the coefficients trained on this or another architecture. A key that the dictionary lacks becomes zero and is
  /// listed as untrained. Throws Error listing every tensor of the wrong shape; nothing has changed then.
  void load_dictionary(const std::map<std::string, at::Tensor>& dictionary);
  const std::vector<std::string>& untrained_keys() const { return untrained_; }
  /// Channels, number of keys, and the keys that were never trained.
  std::string describe() const;

  const RoleTiedMap& map() const { return *map_; }

  RoleTiedLinearOptions options;

 private:
  void draw();

  std::shared_ptr<const RoleTiedMap> map_;
  std::map<std::string, at::Tensor> of_others_;  ///< loaded, without a term here
  std::vector<std::string> untrained_;
};
TORCH_MODULE(RoleTiedLinear);

}  // namespace nfopt
