#pragma once

#include <nfopt/nflayers/spec/export.h>
#include <nfopt/nflayers/spec/tensor_description.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace nfopt {

enum class LabelType : uint8_t {
  plain,    ///< a symmetry of the network: permuted by G and by the layer group
  ordered,  ///< "~": shared along the network but no symmetry: permuted by the layer group only
  fixed     ///< "*": permuted by neither; folded into channels by default
};

/// A name with one type, one size and one parent in the whole space. A bare "*" is a label of its own, private to its
/// factor, with an empty name.
struct Label {
  std::string name;
  LabelType type = LabelType::plain;
  int64_t size = 0;
  int parent = -1;  ///< index into WeightSpace::labels(), -1: none. Every index of the parent has its own permutation.
};

/// One factor of a view: index i along it moves `stride` entries along tensor axis `axis`.
struct Factor {
  int label = -1;          ///< index into WeightSpace::labels()
  int parent_factor = -1;  ///< position in the same view of the parent's occurrence this factor is nested in; -1: none
  int64_t size = 0;
  int axis = 0;        ///< axis of the source (see Source)
  int64_t stride = 0;  ///< in entries along that axis, not in elements
};

/// A strided part of a source on which every axis is a product of labels. The views of a source cover it exactly once.
struct View {
  std::string name;                   ///< "w", or "w#0", "w#1", .. when a source has several views
  int source = 0;                     ///< index into WeightSpace::sources()
  std::vector<int64_t> axis_offsets;  ///< first entry along each axis of the source
  std::vector<Factor> factors;        ///< in axis order, row-major within an axis
};

/// What views slice: one tensor, or equal-shaped tensors stacked along a new leading axis 0.
struct Source {
  std::string name;
  std::vector<int> tensors;  ///< indices into WeightSpace::tensors(); one entry unless stacked
  bool stacked = false;
  std::vector<int64_t> shape;  ///< of the (virtual) tensor, the leading axis included when stacked
};

/// A parameter or buffer of the network.
struct NFOPT_API Tensor {
  std::string name;
  std::vector<int64_t> shape;
  Kind kind = Kind::parameter;
  Role role = Role::weight;
  std::string block;        ///< never empty: a tensor without one carries its own name
  std::vector<Slot> slots;  ///< one per axis of its source
  std::vector<std::string> tied;
  int source = 0;

  int64_t numel() const;
};

/// An ordered list of tensors and the permutation symmetries of their axes (docs/weight-spaces.md; the rules are those
/// of the axis language). Immutable; share it by `std::shared_ptr<const WeightSpace>`.
///
/// State, RMS scales, factored moments, norms, clipping and reports are per *tensor*; views exist inside layers only.
/// [any-thread]
class NFOPT_API WeightSpace {
 public:
  /// Parses the axis expressions, solves the sizes and cuts the views.
  /// Throws SpecError with every problem found, each with its place.
  explicit WeightSpace(std::vector<TensorDescription> descriptions);

  /// A space whose axes carry plain labels given as numbers: equal numbers are permuted together (the perm_spec of
  /// Universal Neural Functionals, arXiv:2402.05232). Number k is named "l<k>", a negative one "n<-k>".
  struct NumberedTensor {
    std::string name;
    std::vector<int64_t> labels;
    std::vector<int64_t> shape;
  };
  static WeightSpace from_numbered_labels(std::span<const NumberedTensor> tensors);

  const std::vector<TensorDescription>& descriptions() const { return descriptions_; }
  const std::vector<Tensor>& tensors() const { return tensors_; }
  const std::vector<Source>& sources() const { return sources_; }
  const std::vector<View>& views() const { return views_; }
  const std::vector<Label>& labels() const { return labels_; }

  /// Index of a tensor by name, or -1.
  int find(std::string_view name) const;
  /// Index of a tensor by name; throws SpecError that lists near names.
  int index(std::string_view name) const;
  /// Sum of numel over the parameters (buffers excluded).
  int64_t parameter_count() const;

 private:
  std::vector<TensorDescription> descriptions_;
  std::vector<Tensor> tensors_;
  std::vector<Source> sources_;
  std::vector<View> views_;
  std::vector<Label> labels_;
};

using WeightSpacePtr = std::shared_ptr<const WeightSpace>;

}  // namespace nfopt
