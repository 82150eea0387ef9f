#pragma once

#include <nfopt/nflayers/spec/export.h>

#include <string>
#include <vector>

namespace nfopt {

/// Rows of words in aligned columns, two spaces apart, each line behind `indent`. Empty columns disappear.
NFOPT_API std::string aligned(const std::vector<std::vector<std::string>>& rows, const std::string& indent);

}  // namespace nfopt
