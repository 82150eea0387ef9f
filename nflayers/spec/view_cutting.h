#pragma once

#include <nfopt/nflayers/spec/problem_list.h>
#include <nfopt/nflayers/spec/tensor_syntax.h>
#include <nfopt/nflayers/spec/weight_space.h>

#include <vector>

namespace nfopt {

/// Cuts source number `source` into views: "|" distributes over "[ ]", so that each axis is a list of parts and the
/// product of parts over the axes gives the views, the first axis slowest. Also finds the parent of every nested
/// factor: the only one in the same part, else the only one of the view, else the occurrence stated by ".k". Parents
/// that cannot be found, and more than 4096 views, go to `problems`.
std::vector<View> cut_views(const TensorSyntax& tensor, int source, const std::vector<Label>& labels,
                            ProblemList& problems);

}  // namespace nfopt
