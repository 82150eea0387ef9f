#include <nfopt/runtime/compare/text_table.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace nfopt {

std::string text_table(const std::vector<std::vector<std::string>>& rows, size_t texts) {
  std::vector<size_t> width;
  for (const auto& row : rows)
    for (size_t i = 0; i < row.size(); ++i) {
      if (width.size() <= i) width.push_back(0);
      width[i] = std::max(width[i], row[i].size());
    }
  std::string text;
  for (const auto& row : rows) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      const std::string room(width[i] - row[i].size(), ' ');
      line += "  " + (i < texts ? row[i] + room : room + row[i]);
    }
    text += line + "\n";
  }
  return text;
}

std::string fixed(double value, int digits) {
  if (std::isnan(value)) return "-";
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", digits, value);
  return text;
}

}  // namespace nfopt
