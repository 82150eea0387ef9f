#pragma once

#include <nfopt/nflayers/spec/weight_space.h>

#include <vector>

namespace nfopt {

/// One element of a permutation group of a weight space: for every label one permutation, or, for a nested label, one
/// for every index tuple of its ancestors (a wreath product).
///
///   new[s(i), t_i(j)] = old[i, j]        s of the parent, t_i of the label nested in it
///
/// Tuples are row-major over the ancestors, outermost first, and name *old* indices.
struct NFOPT_API GroupElement {
  /// permutations[label][tuple][old index] = new index; an empty list of tuples is the identity.
  std::vector<std::vector<std::vector<int64_t>>> permutations;

  bool moves(int label) const { return !permutations[static_cast<size_t>(label)].empty(); }
};

/// Ancestors of a label, outermost first; empty for a label without a parent.
NFOPT_API std::vector<int> ancestors(const WeightSpace& space, int label);
/// Number of permutations a label has: the product of its ancestors' sizes, 1 without a parent.
NFOPT_API int64_t tuple_count(const WeightSpace& space, int label);

NFOPT_API GroupElement identity_element(const WeightSpace& space);
/// The element that undoes `g`.
NFOPT_API GroupElement inverse(const WeightSpace& space, const GroupElement& g);
/// `g` after `h`: applying the result is applying h, then g.
NFOPT_API GroupElement compose(const WeightSpace& space, const GroupElement& g, const GroupElement& h);

}  // namespace nfopt
