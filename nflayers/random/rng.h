#pragma once

#include <nfopt/nflayers/spec/export.h>

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

namespace nfopt {

/// Counter-based randomness: Philox4x32-10 (Salmon et al., SC 2011), keyed by a path of purposes and indices.
///
///   Rng(seed).purpose("init").purpose("fc1.weight").normal(i)
///
/// A draw depends on the key and its index only, never on the order of draws, the thread, the rank or a resume.
/// Nothing in nfopt draws from a global generator. A value type: copying and deriving cost nothing.
/// [any-thread]
class NFOPT_API Rng {
 public:
  explicit Rng(uint64_t seed);

  /// A generator whose draws are independent of this one's and of every other purpose's.
  Rng purpose(std::string_view name) const;
  /// The same for a number: outer step, particle, inner step, epoch, ...
  Rng index(uint64_t i) const;

  /// The i-th 64 random bits of this key.
  uint64_t bits(uint64_t i) const;
  /// The i-th draw from [0, 1), with 53 random bits.
  double uniform(uint64_t i) const;
  /// The i-th standard normal draw (Box-Muller on the two halves of one Philox block).
  double normal(uint64_t i) const;
  /// The i-th draw from {0, .., n-1}; n >= 1.
  int64_t integer(uint64_t i, int64_t n) const;
  /// A uniformly random permutation of {0, .., n-1} (Fisher-Yates over integer(i, .)). O(n).
  std::vector<int64_t> permutation(int64_t n) const;

  uint64_t key() const { return key_; }

 private:
  struct FromKey {};
  Rng(FromKey, uint64_t key) : key_(key) {}
  std::array<uint32_t, 4> block(uint64_t counter) const;

  uint64_t key_;
};

}  // namespace nfopt
