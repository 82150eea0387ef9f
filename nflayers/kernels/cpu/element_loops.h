#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace nfopt::cpu {

/// A linear map from the elements of nested loops to rows of a buffer:
///
///   row = sum over loops of position * stride,   for elements whose positions agree in every pair of `equal`
///
/// Sums over an axis and broadcasts along one have stride 0 there; reading or writing a diagonal is a pair.
struct LinearMap {
  std::vector<int64_t> strides;            ///< one per loop
  std::vector<std::pair<int, int>> equal;  ///< loops that must be at one position
};

/// The elements of one view of a parameter in the order the kernels take them: axes outermost first, folded axes
/// innermost, so that the entries of one position stand together.
struct ElementLoops {
  int tensor = 0;     ///< the parameter
  int64_t first = 0;  ///< its element at the start of all loops
  std::vector<int64_t> sizes;
  std::vector<int64_t> strides;  ///< in elements of the parameter
  int64_t count = 1;             ///< product of the sizes
  int64_t folded = 1;            ///< product of the innermost ones that are folded
  bool contiguous = false;       ///< element e is first + e
};

/// Strides of an array of these sizes whose last axis has the stride `innermost`.
inline std::vector<int64_t> row_major(const std::vector<int64_t>& sizes, int64_t innermost = 1) {
  std::vector<int64_t> strides(sizes.size());
  for (size_t i = sizes.size(); i-- > 0; innermost *= sizes[i]) strides[i] = innermost;
  return strides;
}

/// Loops around one another at most; deeper views have no path here.
inline constexpr size_t kMostLoops = 16;

/// A stretch of the innermost loop.
struct Run {
  int64_t element = 0;  ///< its first, counted along the loops
  int64_t inner = 0;    ///< position of that one in the innermost loop
  int64_t length = 0;
};

/// Walks the elements [begin, end) of nested loops run by run.
class RunWalk {
 public:
  RunWalk(const std::vector<int64_t>& sizes, int64_t begin, int64_t end) : sizes_(sizes), element_(begin), end_(end) {
    int64_t rest = begin;
    for (size_t i = sizes.size(); i-- > 0;) {
      position_[i] = rest % sizes[i];
      rest /= sizes[i];
    }
  }

  bool next(Run& run) {
    if (element_ >= end_) return false;
    if (started_) carry();
    started_ = true;
    run.element = element_;
    if (sizes_.empty()) {
      run.inner = 0;
      run.length = 1;
    } else {
      run.inner = position_[sizes_.size() - 1];
      const int64_t left = sizes_.back() - run.inner;
      run.length = left < end_ - element_ ? left : end_ - element_;
    }
    element_ += run.length;
    return true;
  }

  /// Where a map puts the first element of the run.
  int64_t row(const std::vector<int64_t>& strides, const Run& run) const {
    int64_t row = sizes_.empty() ? 0 : run.inner * strides.back();
    for (size_t i = 0; i + 1 < sizes_.size(); ++i) row += position_[i] * strides[i];
    return row;
  }

  /// The part of the run that the map reads or writes, [first, last) counted from the run's start.
  std::pair<int64_t, int64_t> part(const LinearMap& map, const Run& run) const {
    int64_t first = 0, last = run.length;
    const int inner = static_cast<int>(sizes_.size()) - 1;
    for (auto [a, b] : map.equal) {
      if (a == inner) std::swap(a, b);
      if (b != inner) {
        if (position_[a] != position_[b]) return {0, 0};
        continue;
      }
      const int64_t at = position_[a] - run.inner;  // the one element on the diagonal
      if (at < first || at >= last) return {0, 0};
      first = at;
      last = at + 1;
    }
    return {first, last};
  }

 private:
  void carry() {
    if (sizes_.empty()) return;
    position_[sizes_.size() - 1] = 0;  // the run before this one went to the end of the innermost loop
    for (size_t i = sizes_.size() - 1; i-- > 0;) {
      if (++position_[i] < sizes_[i]) return;
      position_[i] = 0;
    }
  }

  const std::vector<int64_t>& sizes_;
  std::array<int64_t, kMostLoops> position_ = {};
  int64_t element_;
  int64_t end_;
  bool started_ = false;
};

}  // namespace nfopt::cpu
