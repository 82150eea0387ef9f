#include <nfopt/nflayers/spec/near_names.h>

#include <algorithm>
#include <numeric>
#include <utility>

namespace nfopt {
namespace {

// Insertions, deletions, substitutions and swaps of neighbours: "widht" is one step from "width".
// Insertions, deletions, substitutions and swaps of neighbours ("mpl" for "mlp"), each counted once.
size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> two_above, above, row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    two_above = std::move(above);
    above = row;
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t substitute = above[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, substitute});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], two_above[j - 2] + 1);
    }
  }
  return row.back();
}

}  // namespace

std::vector<std::string> near_names(std::string_view name, const std::vector<std::string>& known) {
  std::vector<std::pair<size_t, std::string>> near;
  for (const auto& candidate : known) {
    const size_t distance = edit_distance(name, candidate);
    if (distance <= std::max<size_t>(1, std::max(name.size(), candidate.size()) / 3))
      near.emplace_back(distance, candidate);
  }
  std::stable_sort(near.begin(), near.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<std::string> names;
  for (size_t i = 0; i < near.size() && i < 3; ++i) names.push_back(near[i].second);
  return names;
}

std::string known_names(std::string_view name, const std::vector<std::string>& known) {
  std::string text = " Known:";
  for (size_t i = 0; i < known.size(); ++i) text += (i ? ", " : " ") + known[i];
  if (known.empty()) text += " none";
  text += ".";
  const auto near = near_names(name, known);
  if (!near.empty()) text += " Did you mean '" + near.front() + "'?";
  return text;
}

}  // namespace nfopt
