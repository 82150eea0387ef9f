#pragma once

#include <ATen/core/Tensor.h>
#include <nfopt/nflayers/random/rng.h>
#include <nfopt/runtime/network/members.h>
#include <nfopt/runtime/network/network.h>
#include <nfopt/runtime/plugin/instance.h>

#include <memory>
#include <vector>

namespace nfopt::conformance {

/// One example network under test. Everything runs in float64 on the CPU and is keyed by `rng`.
struct Subject {
  ArchitecturePtr architecture;
  Example example;
  Rng rng = Rng(0);
};

/// The built network of a subject.
struct NFOPT_API Built {
  explicit Built(const Subject& subject);
  Instance instance;
  std::unique_ptr<Network> network;
  const WeightSpacePtr& space() const { return instance.space; }
};

/// Number of examples in a batch: unequal to every population in the tests, so that no test mistakes one for the other.
inline constexpr int64_t kBatch = 5;

/// x [members, kBatch, input_shape..]: standard normal float64, or int64 tokens below the example's vocabulary.
NFOPT_API at::Tensor random_input(const Example& example, int64_t members, const Rng& rng);

/// Standard normal float64.
NFOPT_API at::Tensor random_normal(const std::vector<int64_t>& shape, const Rng& rng);

/// Initialised members, then every parameter and buffer moved by noise: zero biases, norm weights that are all one and
/// fresh running statistics would hide how they may be permuted. Buffers stay positive, as variances must.
NFOPT_API Members random_members(const WeightSpacePtr& space, const Network& network, int64_t size, const Rng& rng);

/// Members with their own copies of the tensors.
NFOPT_API Members copy(const Members& members);
/// Member p alone, with its own copies.
NFOPT_API Members member(const Members& all, int64_t p);

/// Largest absolute entry; 0 without entries.
NFOPT_API double largest(const at::Tensor& t);
/// max|a - b| / max|b|: 0 when both are equal, infinite when shapes differ or a number is not finite.
NFOPT_API double relative_error(const at::Tensor& a, const at::Tensor& b);

/// Whether a training pass draws random numbers (dropout): two keys give two outputs.
NFOPT_API bool training_is_random(const Built& built, const Subject& subject);

}  // namespace nfopt::conformance
