#pragma once

#include <nfopt/nflayers/plan/plan.h>

#include <span>
#include <string>
#include <vector>

namespace nfopt {

/// The kept cells of a half as labels and nesting: cell i carries `labels[i]` and lies in cell `parents[i]` (-1: in
/// none). Two halves can be joined by a term if their forests are isomorphic; every isomorphism is a term of its own.
struct KeptForest {
  std::vector<int> labels;
  std::vector<int> parents;
};

KeptForest kept_forest(std::span<const LayerAxis> axes, const Partition& cells, const std::vector<int>& kept);

/// Equal for isomorphic forests and only for those.
std::string canonical_form(const KeptForest& forest);

/// The first isomorphism onto `onto`, nearest to the identity: cell order[j] of `forest` becomes cell j of `onto`.
/// Expects equal canonical forms.
std::vector<int> alignment(const KeptForest& forest, const KeptForest& onto);

}  // namespace nfopt
