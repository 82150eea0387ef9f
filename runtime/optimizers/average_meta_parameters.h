#pragma once

#include <nfopt/runtime/optimizers/meta_parameters.h>

#include <string>
#include <vector>

namespace nfopt {

/// Meta-parameters with their share in an average, and what to call them.
struct WeightedMetaParameters {
  std::string name;
  MetaParameters meta;
  double weight = 1;
};

/// The weighted mean, theta = sum_i w_i theta_i / sum_i w_i, [1, ...] each, computed in float64 and kept in the types of
/// the first.
///
/// Pieces of meta-training that start from one another lie close enough for a straight line between them to stay good:
/// their mean has less of the noise of each, and of what the later one learned at the earlier one's expense ("model
/// soups", Wortsman et al., ICML 2022, for networks; docs/meta-training.md has what it gave here).
/// Weight space and licence are those of the first; `training` becomes JSON with names, weights and records of all.
/// Errors   Error("theta", ..) naming every entry of another rule, with other shapes or licence than the first, or with
///          a weight that is not positive; fewer than two entries.
NFOPT_API MetaParameters average(const std::vector<WeightedMetaParameters>& entries);

}  // namespace nfopt
