#pragma once

#include <nfopt/nflayers/spec/problem_list.h>
#include <nfopt/nflayers/spec/tensor_syntax.h>
#include <nfopt/nflayers/spec/weight_space.h>

#include <vector>

namespace nfopt {

/// Solves the sizes of all labels and the lengths missing from the shapes, to a fixpoint.
///
/// The length of an axis is c + k * (size of one label) as long as at most one label of it is open: a name repeated in
/// one concat is one unknown, and so is a name in two products of it. Sizes stated by "=" come first.
/// Unknown and contradictory sizes go to `problems`, each with the places that disagree or remain open.
/// O(axes * rounds), one round per link of the longest chain of unknowns.
void infer_sizes(std::vector<TensorSyntax>& tensors, std::vector<Label>& labels, ProblemList& problems);

}  // namespace nfopt
