#pragma once

#include <nfopt/nflayers/spec/fold.h>

#include <span>
#include <vector>

namespace nfopt {

/// A partition of the joint axes of an (output, input) pair: indices 0..k-1 are the output's axes, k..k+m-1 the
/// input's. Every block holds axes of one label; nested axes share a block only if their parents do.
using Partition = std::vector<std::vector<int>>;

/// All valid partitions in the published enumeration order (arXiv:2402.05232 and its code; docs/weight-spaces.md):
/// axes grouped by label in order of first appearance, the published recursion inside a group, the last group varying
/// fastest. Each is one term of the equivariant basis: shared indices copy, input-only blocks average, output-only
/// blocks broadcast, repeats read or write diagonals. Stored coefficients depend on this order; it never changes.
/// Cost: the product of Bell numbers of the groups before nested ones are filtered.
NFOPT_API std::vector<Partition> valid_partitions(std::span<const LayerAxis> out, std::span<const LayerAxis> in);

}  // namespace nfopt
