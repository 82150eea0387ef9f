#pragma once

#include <nfopt/nflayers/action/group_element.h>
#include <nfopt/nflayers/random/rng.h>
#include <nfopt/nflayers/spec/fold.h>

#include <string_view>
#include <vector>

namespace nfopt {

/// A uniformly random element of G, the symmetries that the description claims for the network: plain labels move,
/// "~" and "*" stay. A label nested in one that stays is free all the same: one permutation per index of its parent.
/// `plugin check` and `bind` test that G leaves the network's function unchanged.
NFOPT_API GroupElement random_symmetry(const WeightSpace& space, const Rng& rng);

/// A uniformly random element of the layer group, under which layers with this fold are equivariant. It contains G.
/// Exactly the labels of axes that are not folded move: "~" as well, parents always (they are never folded), and under
/// Fold::none() every "*".
NFOPT_API GroupElement random_layer_element(const WeightSpace& space, const Fold& fold, const Rng& rng);

/// An element that moves one label only, and no tuple of it by the identity (unless its size is 1): for finding the
/// label that a wrong description has to thank for. `label` is an index into WeightSpace::labels().
NFOPT_API GroupElement random_element_of(const WeightSpace& space, int label, const Rng& rng);

/// Which labels the two groups move, one flag per label.
NFOPT_API std::vector<bool> symmetric_labels(const WeightSpace& space);
NFOPT_API std::vector<bool> layer_labels(const WeightSpace& space, const Fold& fold);

}  // namespace nfopt
