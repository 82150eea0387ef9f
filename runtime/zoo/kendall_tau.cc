#include <nfopt/nflayers/spec/error.h>
#include <nfopt/runtime/zoo/kendall_tau.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <string>

namespace nfopt {
namespace {

void check(const std::vector<double>& x, const std::vector<double>& y) {
  if (x.size() != y.size())
    throw Error("zoo", "Kendall's tau compares lists of equal length: received " + std::to_string(x.size()) + " and " +
                           std::to_string(y.size()) + " values.");
  for (const auto* list : {&x, &y})
    if (const auto bad = std::find_if(list->begin(), list->end(), [](double v) { return std::isnan(v); });
        bad != list->end())
      throw Error("zoo", "Kendall's tau needs numbers: value " + std::to_string(bad - list->begin()) + " is NaN.");
}

// Pairs of equal elements of a list in which equal elements stand together.
template <class Equal>
double tied_pairs(size_t count, Equal equal) {
  double pairs = 0;
  for (size_t begin = 0, end = 0; begin < count; begin = end) {
    for (end = begin + 1; end < count && equal(begin, end);) ++end;
    const auto run = static_cast<double>(end - begin);
    pairs += run * (run - 1) / 2;
  }
  return pairs;
}

// Sorts [begin, end) and counts the pairs that stood in falling order.
double sort_counting_swaps(std::vector<double>& values, std::vector<double>& buffer, size_t begin, size_t end) {
  if (end - begin < 2) return 0;
  const size_t middle = begin + (end - begin) / 2;
  double swaps = sort_counting_swaps(values, buffer, begin, middle) + sort_counting_swaps(values, buffer, middle, end);
  for (size_t left = begin, right = middle, out = begin; out < end; ++out) {
    const bool take_right = left == middle || (right < end && values[right] < values[left]);
    if (take_right) swaps += static_cast<double>(middle - left);
    buffer[out] = take_right ? values[right++] : values[left++];
  }
  std::copy(buffer.begin() + static_cast<int64_t>(begin), buffer.begin() + static_cast<int64_t>(end),
            values.begin() + static_cast<int64_t>(begin));
  return swaps;
}

}  // namespace

double kendall_tau(const std::vector<double>& x, const std::vector<double>& y) {
  check(x, y);
  const size_t n = x.size();
  std::vector<size_t> order(n);
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return x[a] != x[b] ? x[a] < x[b] : y[a] < y[b]; });
  std::vector<double> ys;
  for (const size_t i : order) ys.push_back(y[i]);

  const double pairs = static_cast<double>(n) * (static_cast<double>(n) - 1) / 2;
  const double tied_x = tied_pairs(n, [&](size_t a, size_t b) { return x[order[a]] == x[order[b]]; });
  const double tied_both =
      tied_pairs(n, [&](size_t a, size_t b) { return x[order[a]] == x[order[b]] && ys[a] == ys[b]; });
  std::vector<double> buffer(n);
  const double discordant = sort_counting_swaps(ys, buffer, 0, n);  // ties in x stand in rising order: no swaps
  const double tied_y = tied_pairs(n, [&](size_t a, size_t b) { return ys[a] == ys[b]; });

  const double concordant = pairs - tied_x - tied_y + tied_both - discordant;
  const double scale = std::sqrt((pairs - tied_x) * (pairs - tied_y));
  if (n < 2 || scale == 0) return std::numeric_limits<double>::quiet_NaN();
  return (concordant - discordant) / scale;
}

}  // namespace nfopt
