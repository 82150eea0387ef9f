#pragma once

#include <nfopt/nflayers/spec/export.h>
#include <nfopt/nflayers/spec/weight_space.h>

#include <string>
#include <vector>

namespace nfopt {

/// What a layer calls its parameters of each view: `weights` + i and `biases` + i on a feed-forward network, `others` +
/// the view's name elsewhere. In view order.
NFOPT_API std::vector<std::string> view_names(const WeightSpace& space, const std::string& weights,
                                              const std::string& biases, const std::string& others);

}  // namespace nfopt
