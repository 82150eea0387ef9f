#pragma once

#include <nfopt/nflayers/spec/problem_list.h>
#include <nfopt/nflayers/spec/tensor_syntax.h>
#include <nfopt/nflayers/spec/weight_space.h>

#include <vector>

namespace nfopt {

/// Gives every factor its label. A NAME has one type and one parent in the whole space; a bare "*" is a label of its
/// own, private to its factor. Labels come in order of first appearance; their sizes are still 0.
/// Two places that disagree, parents that exist nowhere and parents in a circle go to `problems`.
std::vector<Label> resolve_names(std::vector<TensorSyntax>& tensors, ProblemList& problems);

}  // namespace nfopt
