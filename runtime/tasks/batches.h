#pragma once

#include <nfopt/nflayers/random/rng.h>
#include <nfopt/runtime/tasks/dataset.h>

#include <vector>

namespace nfopt {

/// Which examples step i sees: every epoch is a fresh permutation of all examples, cut into full batches (the
/// remainder of an epoch is left out).
///
///   batch(step) = permutation(seed, epoch)[b*size .. (b+1)*size)     epoch = step / per_epoch, b = step % per_epoch
///
/// A pure function of (generator, step): resuming needs no state, and the order depends on neither threads nor ranks.
/// The permutation of the current epoch is kept, so that steps in sequence cost O(batch size).
class NFOPT_API Batches {
 public:
  /// Throws Error when there are fewer than `batch_size` examples.
  Batches(int64_t examples, int64_t batch_size, const Rng& rng);

  int64_t per_epoch() const { return per_epoch_; }
  int64_t epoch(int64_t step) const { return step / per_epoch_; }
  /// Indices into the examples.
  std::vector<int64_t> indices(int64_t step);
  /// The examples themselves, on their device.
  Examples batch(const Examples& from, int64_t step);

 private:
  int64_t examples_;
  int64_t batch_size_;
  int64_t per_epoch_;
  Rng rng_;
  int64_t kept_epoch_ = -1;
  std::vector<int64_t> permutation_;
};

}  // namespace nfopt
