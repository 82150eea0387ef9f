#pragma once

#include "cnn_shape.h"

#include <cstdint>
#include <string>
#include <vector>

namespace nfopt::cnn {

/// How the channels between two convolutions may be permuted: a chain of factors, row-major, each nested in the one
/// before it. Without groups it is the single label "c1".
///
/// Three things divide channels into blocks of neighbours: groups of the convolution that writes them, groups of the
/// one that reads them, groups of their normalisation. A permutation must respect all of them. Where every count
/// divides the next, blocks permute as wholes and again within each: `[c1a=2, c1b@c1a, c1@c1b]`. Where counts do not
/// divide one another, say 4 and 6, their greatest common divisor gives the blocks that move as wholes, and the inside
/// is ordered: `[c1a=2, ~c1]`. That symmetry is true, though not always all there is.
///
/// A convolution with groups moves its output blocks with its input blocks: both chains begin with the same factors.
/// Channels of the image are ordered, and so are the output blocks of a first convolution with groups.
class ChannelLabels {
 public:
  explicit ChannelLabels(const CnnShape& shape);

  /// Channels after `layers` layers (0: the image) as factors, "c1" or "c1a=2, c1@c1a".
  std::string channels(size_t layers) const;
  /// Axes of the weight of layer i: "[c2=6, c1=4, *, *]", "[[c1a=2, c2@c1a], c1@c1a, *, *]", "[c1, *1, *, *]".
  std::string weight(size_t layer) const;
  /// `factors` as one axis: in brackets when there are several.
  static std::string axis(const std::string& factors);

 private:
  struct Factor {
    std::string name;
    bool ordered = false;
    int64_t size = 1;
    int64_t blocks = 1;  ///< product of the sizes up to and including this one
  };
  using Chain = std::vector<Factor>;

  static std::string text(const Chain& chain, size_t first);

  std::vector<Layer> layers_;
  std::vector<Chain> chains_;  ///< chains_[0]: the image
};

}  // namespace nfopt::cnn
