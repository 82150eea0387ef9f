#pragma once

#include <cstdint>
#include <vector>

namespace nfopt {

/// A sparse linear map as a list of entries.
///
///   y[target[e]] += scale[e] * x[source[e]]      for every entry e;  targets without an entry are zero
struct IndexMap {
  int64_t sources = 0;  ///< length of x
  int64_t targets = 0;  ///< length of y
  std::vector<int64_t> source;
  std::vector<int64_t> target;
  std::vector<double> scale;

  void add(int64_t to, int64_t from, double weight = 1.0) {
    target.push_back(to);
    source.push_back(from);
    scale.push_back(weight);
  }
};

}  // namespace nfopt
