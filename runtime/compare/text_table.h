#pragma once

#include <string>
#include <vector>

namespace nfopt {

/// Rows of cells as aligned text: the first `texts` columns to the left, the others to the right, two spaces in front of
/// each.
std::string text_table(const std::vector<std::vector<std::string>>& rows, size_t texts = 1);

/// "%.*f", or "-" for NaN.
std::string fixed(double value, int digits);

}  // namespace nfopt
