#pragma once

#include <nfopt/nflayers/plan/block_layout.h>
#include <nfopt/nflayers/plan/plan.h>
#include <nfopt/nflayers/spec/export.h>
#include <nfopt/nflayers/spec/weight_space.h>

#include <cstdint>
#include <string>
#include <vector>

namespace nfopt {

/// One stored affine map over channels, `name`.weight [outputs, inputs, 1...] and `name`.bias [outputs], and the number
/// of input channels that its initial law divides by.
struct AffineMap {
  std::string name;
  int64_t outputs = 0;
  int64_t inputs = 0;
  int64_t fan = 0;
};

/// A coefficient layout of affine maps: parameter 2k is the weight of maps[k], 2k+1 its bias.
struct AffineLayout {
  std::vector<AffineMap> maps;
  BlockLayout layout;
};

/// The layout of NFN's NPLinear (arXiv:2302.14040): one affine map for every way that a view can be written (an output
/// half of the plan), from all contracted inputs of its signature. All maps of a view share one fan, the sum of their
/// inputs.
///
/// On a feed-forward network whose plan folds kernels these are the published parameters, names and shapes:
///   layer_i  layer_i_rc  layer_i_r  layer_i_c  bias_i  bias_i_rc
/// Elsewhere a map is called `maps.<view>.<half>`, where the half lists the view's axes that are left after folding, by
/// position: "k0_b1" keeps axis 0 and broadcasts along axis 1, "k0=1" keeps the diagonal of both, "scalar" has no axes.
/// Columns stand in the order of the plan's input blocks, channel c * F + f in each.
NFOPT_API AffineLayout np_layout(const WeightSpace& space, const Plan& plan, int64_t in_channels, int64_t out_channels);

/// The layout of NFN's HNPLinear: np_layout of a plan that folds everything (`Fold::all()`), and on a feed-forward
/// network of at least two layers the published parameters, where
///   * means over the input or output axis stand beside the entries that they are means of (redundant parameters),
///   * the last weight does not see the previous bias row by row,
///   * the three maps w0_rpt, w0_rbdcst and bias_fin_rc have a fan of their own.
NFOPT_API AffineLayout hnp_layout(const WeightSpace& space, const Plan& plan, int64_t in_channels,
                                  int64_t out_channels);

/// The layout of NFN's Pointwise: one affine map per view, `weight_maps.i` and `bias_maps.i` on a feed-forward network,
/// `maps.<view>` elsewhere. The plan holds the terms that copy a view to itself (`copies_view`).
NFOPT_API AffineLayout pointwise_layout(const WeightSpace& space, const Plan& plan, int64_t in_channels,
                                        int64_t out_channels);

/// The plan of `pointwise_layout`.
NFOPT_API Plan pointwise_plan(const WeightSpace& space);

}  // namespace nfopt
