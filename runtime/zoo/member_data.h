#pragma once

#include <nfopt/nflayers/random/rng.h>
#include <nfopt/nflayers/spec/export.h>
#include <nfopt/runtime/tasks/dataset.h>

#include <cstdint>
#include <vector>

namespace nfopt {

/// The training data of one network: a random subset of the examples, some of them with a random label.
///
///   subset     the first share * N of a permutation of all N examples
///   label      as stored, or with probability `noise` one of all classes, drawn once per example
///   batch(t)   `size` examples of the subset, drawn with replacement: a pure function of (generator, t)
///
/// Sampling by index needs neither state nor epochs, so that networks with subsets of different sizes run side by side.
class NFOPT_API MemberData {
 public:
  /// `from` has one label per example; its tensors are shared. 0 < share <= 1.
  MemberData(const Examples& from, int64_t classes, double share, double noise, const Rng& rng);

  int64_t size() const { return static_cast<int64_t>(labels_.size()); }
  /// Writes batch t into inputs [size, ..] and targets [size], rows of a population's batch.
  void draw(int64_t t, at::Tensor inputs, at::Tensor targets) const;
  /// The first `count` examples of the subset with the labels it is trained on; all when there are fewer.
  Examples first(int64_t count) const;

 private:
  Examples from_;
  Rng rng_;
  std::vector<int64_t> rows_;    ///< of the subset; empty: all
  std::vector<int64_t> labels_;  ///< one per example of the subset
};

}  // namespace nfopt
