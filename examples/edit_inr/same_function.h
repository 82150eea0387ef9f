#pragma once

#include <ATen/core/Tensor.h>
#include <nfopt/nflayers/random/rng.h>

#include <vector>

/// SIRENs (w0, b0, w1, b1, w2, b2; [P, shape...]) and the images [P, size, size] that an editor should make of them.
struct Examples {
  std::vector<at::Tensor> weights;
  at::Tensor targets;
};

/// Other weights for what is known, as examples for training. Layers that know permutations do not know these:
///
///   signs     sin is odd: a hidden unit and its output weights change their sign together; the function stays
///   mirrors   f(M x) is the image mirrored by M: columns of w0 change sign or places, and the target is mirrored
///
/// Signs are drawn for every unit of every network, mirrors (of the 8 of a square) once for the batch.
Examples same_functions(const Examples& examples, const nfopt::Rng& rng);
