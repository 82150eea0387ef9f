#pragma once

#include <nfopt/nflayers/spec/export.h>

#include <string>
#include <string_view>
#include <vector>

namespace nfopt {

/// Names within a small edit distance of `name`, nearest first, at most three. O(names * length^2).
NFOPT_API std::vector<std::string> near_names(std::string_view name, const std::vector<std::string>& known);

/// " Known: a, b, c. Did you mean 'b'?" for error messages about a miss.
NFOPT_API std::string known_names(std::string_view name, const std::vector<std::string>& known);

}  // namespace nfopt
