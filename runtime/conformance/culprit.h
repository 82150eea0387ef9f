#pragma once

#include <nfopt/runtime/conformance/function_probe.h>

#include <string>
#include <vector>

namespace nfopt::conformance {

/// A label that the description calls a symmetry and that is none.
struct WrongLabel {
  int label = -1;
  FunctionProbe::Error error;
};

/// Every plain label, each moved alone by an element that is never the identity. Three forward passes per label that is one.
NFOPT_API std::vector<WrongLabel> wrong_labels(const FunctionProbe& probe, const Rng& rng);

/// What an author has to read about one of them: the error, the tensor axes it moved, those of the same tensors that it
/// did not move, and the one change to the description that would make it a symmetry, if there is one. Tried, in this
/// order: one label with others of its size, one axis less, factors of an axis in reverse order, one axis more,
/// another axis of the same tensor, blocks of equal size. At most a few hundred forward passes.
NFOPT_API std::string explain(const FunctionProbe& probe, const std::vector<WrongLabel>& wrong, const WrongLabel& label,
                              const Rng& rng);

/// Symmetries that the description does not claim: "~" and "*" axes, alone or two of one size together, that may be
/// permuted all the same.
NFOPT_API std::vector<std::string> missed_symmetries(const FunctionProbe& probe, const Rng& rng);

}  // namespace nfopt::conformance
