#pragma once

#include <nfopt/nflayers/layers/role_tied_map.h>
#include <torch/torch.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace nfopt {

/// Options of RoleTiedLinear: `RoleTiedLinearOptions(space, 8, 8).also({other_space}).seed(7)`.
struct NFOPT_API RoleTiedLinearOptions {
  RoleTiedLinearOptions(WeightSpacePtr space, int64_t in_channels, int64_t out_channels)
      : space_(std::move(space)), in_channels_(in_channels), out_channels_(out_channels) {}

  TORCH_ARG(WeightSpacePtr, space);
  TORCH_ARG(int64_t, in_channels);
  TORCH_ARG(int64_t, out_channels);
  TORCH_ARG(std::vector<WeightSpacePtr>, also);  // further architectures: their keys become parameters, too
  TORCH_ARG(uint64_t, seed) = 0;
};

/// RoleTiedMap as a module that owns one network's coefficients, one parameter per key: equation, keys, group and cost
/// are written there.
///
/// Shapes   x [P, B, C_in, shape...]  ->  [P, B, C_out, shape...], one per tensor of the space; P and B are batches.
/// Parameters  by key, [C_in, C_out], and `bias|role` [C_out]: every key that a term of `space` or of one of `also` has
/// Archives hold all coefficients by key, those of other architectures included, and which keys were never trained. They
///          load into the layer of any architecture, as a dictionary does.
class NFOPT_API RoleTiedLinearImpl : public torch::nn::Cloneable<RoleTiedLinearImpl> {
 public:
  explicit RoleTiedLinearImpl(RoleTiedLinearOptions options);

  void reset() override;
  /// Draws the parameters anew from the options' seed.
  void reset_parameters();
  void pretty_print(std::ostream& stream) const override;
  void save(torch::serialize::OutputArchive& archive) const override;
  void load(torch::serialize::InputArchive& archive) override;

  /// On the features of `options.space()`.
  std::vector<at::Tensor> forward(const std::vector<at::Tensor>& x);
  /// The same coefficients on the features of any space. Keys that the layer lacks count as zero (`untrained_keys`). The
  /// map of a space is built once and kept: use one pointer for all networks of an architecture.
  std::vector<at::Tensor> on(const WeightSpacePtr& space, const std::vector<at::Tensor>& x);

  /// All trained coefficients by key, without the population dimension; keys of other architectures that were loaded
  /// included.
  std::map<std::string, at::Tensor> dictionary() const;
  /// Takes the coefficients trained on this or another architecture. A key that the dictionary lacks becomes zero and is
  /// listed as untrained. Throws Error listing every tensor of the wrong shape; nothing has changed then.
  void load_dictionary(const std::map<std::string, at::Tensor>& dictionary);
  /// Own keys that a loaded dictionary lacked and that are zero still.
  std::vector<std::string> untrained_keys() const;
  /// Keys of the terms of any space that count as zero, since they are untrained or unknown.
  std::vector<std::string> untrained_keys(const WeightSpacePtr& space) const;
  /// Channels, number of keys, and the keys that were never trained.
  std::string describe() const;

  const RoleTiedMap& map() const { return *map_; }

  RoleTiedLinearOptions options;

 private:
  struct Maps;

  std::shared_ptr<const RoleTiedMap> map_of(const WeightSpacePtr& space) const;
  /// The maps of `space` and of `also`.
  std::vector<std::shared_ptr<const RoleTiedMap>> own_maps() const;
  size_t key_count() const;  ///< matrices
  void draw();

  std::shared_ptr<Maps> maps_;                    ///< clones share them
  std::shared_ptr<const RoleTiedMap> map_;        ///< that of `options.space()`
  std::map<std::string, at::Tensor> of_others_;   ///< loaded, without a parameter here
  std::vector<std::string> missing_when_loaded_;  ///< untrained as long as they are zero
};
TORCH_MODULE(RoleTiedLinear);

}  // namespace nfopt
