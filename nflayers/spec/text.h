#pragma once

#include <nfopt/nflayers/spec/weight_space.h>

#include <string>
#include <string_view>

namespace nfopt {

/// A weight space as text, one description per line, in aligned columns:
///
///   weight space 1
///   fc1.weight           [64, 784]                                   : [h, ~in]
///   fc1.bias             [64]       bias                             : [h]
///   bn.running_mean      [64]       buffer stat block=bn             : [h]
///   wte                  [99, 64]   table tied=lm_head.weight        : [~voc, h]
///   up                   [128, 64]  stack=e=4 of=experts.{i}.up      : [f@e, h]
///   cross                [12, 5]    slots=oi                         : axis 0 from 0 to 4 [q, d] ; axis 0 from 4 to 12
///   [k, m]
///
/// A default (parameter, role weight, no block, ..) is left out; names with unusual characters are quoted.
/// `weight_space_from_text(to_text(space))` gives the same descriptions, and so the same space.
NFOPT_API std::string to_text(const WeightSpace& space);

/// Reads that text; blank lines and lines that start with "#" are skipped.
/// Throws SpecError with the line of every mistake.
NFOPT_API WeightSpace weight_space_from_text(std::string_view text);

}  // namespace nfopt
