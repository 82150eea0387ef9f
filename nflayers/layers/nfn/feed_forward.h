#pragma once

#include <nfopt/nflayers/spec/export.h>
#include <nfopt/nflayers/spec/weight_space.h>

#include <cstdint>
#include <optional>
#include <vector>

namespace nfopt {

/// A weight space that is a plain feed-forward network, the case that Neural Functional Networks were published for
/// (arXiv:2302.14040): layer i has a weight [n_{i+1}, n_i, kernel...] and a bias [n_{i+1}], the input axis n_0 and the
/// output axis n_L are ordered (`~`), the hidden ones plain, kernel axes fixed (`*`), all labels different.
struct NFOPT_API FeedForward {
  std::vector<int> weights;  ///< views of layers 0..L-1
  std::vector<int> biases;
  std::vector<int> labels;  ///< of the axes n_0..n_L, indices into WeightSpace::labels()

  int64_t layers() const { return static_cast<int64_t>(weights.size()); }

  /// Empty for every other weight space. The tensors may stand in any order.
  static std::optional<FeedForward> recognize(const WeightSpace& space);
};

/// What a view is called in the published parameters.
struct NFOPT_API ViewRole {
  bool bias = false;
  int64_t layer = 0;
};

/// One role per view, in view order.
NFOPT_API std::vector<ViewRole> view_roles(const FeedForward& network);

}  // namespace nfopt
