#include <nfopt/nflayers/plan/half_lattice.h>

#include <algorithm>
#include <functional>
#include <numeric>

namespace nfopt {
namespace {

int64_t product(const std::vector<int64_t>& sizes) {
  return std::accumulate(sizes.begin(), sizes.end(), int64_t{1}, std::multiplies<>());
}

std::vector<int> lost(const std::vector<int>& cells, const std::vector<int>& kept) {
  std::vector<int> result;
  for (size_t i = 0; i < cells.size(); ++i)
    if (!std::binary_search(kept.begin(), kept.end(), cells[i])) result.push_back(static_cast<int>(i));
  return result;
}

}  // namespace

std::vector<int> build_lattice(std::vector<Half>& halves, const std::vector<std::vector<int64_t>>& axis_sizes) {
  std::vector<int> order(halves.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) {
    const Half &x = halves[a], &y = halves[b];
    if (x.view != y.view) return x.view < y.view;
    if (x.cells.size() != y.cells.size()) return x.cells.size() > y.cells.size();  // diagonals last
    if (x.cells != y.cells) return x.cells < y.cells;
    return x.kept.size() > y.kept.size();
  });
  std::vector<Half> sorted;
  std::vector<int> position(halves.size());
  for (int old : order) {
    position[old] = static_cast<int>(sorted.size());
    sorted.push_back(std::move(halves[old]));
  }
  halves = std::move(sorted);

  for (size_t i = 0; i < halves.size(); ++i) {
    Half& half = halves[i];
    const auto& sizes = axis_sizes[half.view];
    for (size_t j = i; j-- > 0;) {
      const Half& larger = halves[j];
      if (larger.view != half.view || larger.cells != half.cells) break;
      if (larger.kept.size() == half.kept.size()) continue;
      if (!std::includes(larger.kept.begin(), larger.kept.end(), half.kept.begin(), half.kept.end())) continue;
      if (half.parent < 0 || product(larger.sizes) < product(halves[half.parent].sizes))
        half.parent = static_cast<int>(j);
    }
    std::vector<int> all(half.cells.size());
    std::iota(all.begin(), all.end(), 0);
    for (int cell : lost(all, half.kept)) half.count *= sizes[half.cells[cell].front()];
    half.dropped = lost(half.parent < 0 ? all : halves[half.parent].kept, half.kept);
    if (half.parent >= 0) halves[half.parent].children.push_back(static_cast<int>(i));
  }
  return position;
}

}  // namespace nfopt
