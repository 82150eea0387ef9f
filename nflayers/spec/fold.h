#pragma once

#include <nfopt/nflayers/spec/weight_space.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace nfopt {

/// Which factors a layer moves into the channels.
///   fixed   every "*" (default)
///   all     every "*" and every "~" (the HNP variant of NFN, arXiv:2302.14040)
///   none    nothing: every "*" is read as a private "~"
///   names   the ordered and fixed labels listed; every other "*" is read as a private "~"
/// A label that is a parent is never folded: it is read as "~".
struct NFOPT_API Fold {
  enum class Mode : uint8_t { fixed, all, none, names };
  Mode mode = Mode::fixed;
  std::vector<std::string> names;  ///< for Mode::names; without the "~" or "*"

  static Fold fixed() { return {Mode::fixed, {}}; }
  static Fold all() { return {Mode::all, {}}; }
  static Fold none() { return {Mode::none, {}}; }
  static Fold only(std::vector<std::string> names) { return {Mode::names, std::move(names)}; }
};

/// An axis that remains after folding. Equal labels may share a cell of a partition.
struct LayerAxis {
  int label = -1;   ///< index into WeightSpace::labels(); beyond its end for a "*" read as a private "~"
  int parent = -1;  ///< position in LayerView::axes, -1: none
  int64_t size = 0;
  int factor = 0;  ///< position in View::factors
};

/// A view as a linear layer sees it: feature channel c at folded index f is layer channel c * F + f.
struct LayerView {
  int view = 0;                 ///< index into WeightSpace::views()
  std::vector<LayerAxis> axes;  ///< in factor order
  std::vector<int> folded;      ///< positions in View::factors, row-major into f
  int64_t folded_size = 1;      ///< F, the product of the folded sizes
};

/// One entry per view of the space, in its order. Throws SpecError for a name that no label carries and for
/// a plain label: a symmetry in the channels would no longer be permuted.
NFOPT_API std::vector<LayerView> fold_views(const WeightSpace& space, const Fold& fold);

}  // namespace nfopt
