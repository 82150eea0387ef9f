#pragma once

#include <nfopt/nflayers/random/rng.h>
#include <nfopt/runtime/tasks/task.h>
#include <nfopt/runtime/tasks/task_family.h>

#include <cstdint>
#include <vector>

namespace nfopt {

/// The batches of N particles of one task, side by side: inputs [N, B, ..], targets [N, B..].
///
/// Sampling is by index with replacement: example j of a batch is integer(j, examples) of the generator given. That
/// needs no state and no permutation of the data set per particle, and one generator per inner step makes every batch
/// independent of all others. (Training draws epochs of permutations, see batches.h; over the horizons of
/// meta-training, a few epochs at most, the difference is not measurable.)
/// The buffers are reused from step to step.
class NFOPT_API ParticleBatches {
 public:
  ParticleBatches(const Task& task, int64_t particles);

  /// Fills row `particle`. Labels pass through the variation; the examples with a random label are the same in every
  /// batch of one `noise` generator.
  void draw(int64_t particle, const Rng& rng, const TaskVariation& variation, const Rng& noise);
  const Examples& examples() const { return batches_; }

 private:
  Examples from_;
  Examples batches_;
  int64_t classes_;
  std::vector<int64_t> rows_;  ///< examples of the batch being drawn
};

}  // namespace nfopt
