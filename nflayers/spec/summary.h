#pragma once

#include <nfopt/nflayers/spec/weight_space.h>

#include <string>

namespace nfopt {

/// A weight space for a reader: its tensors with blocks, slots and axes in full, then its labels with sizes, parents
/// and where they occur, then totals. For people only: nothing reads it back (text.h does that).
NFOPT_API std::string summary(const WeightSpace& space);

}  // namespace nfopt
