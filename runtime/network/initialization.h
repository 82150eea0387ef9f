#pragma once

#include <nfopt/nflayers/random/rng.h>
#include <nfopt/nflayers/spec/export.h>
#include <nfopt/runtime/network/members.h>

#include <string>
#include <string_view>
#include <vector>

namespace nfopt {

/// Random initial values of a weight [P, out, in, kernel..], by name. fan_in = in * kernel entries, fan_out likewise.
///
///   pytorch         uniform in +-1/sqrt(fan_in): torch.nn's default, kaiming-uniform with a = sqrt(5)
///   lecun_normal    normal with variance 1/fan_in, truncated at two deviations and rescaled to that variance (jax)
///   haiku           normal with parent deviation 1/sqrt(fan_in), truncated at two deviations, not rescaled
///   he_normal       normal with variance 2/fan_in
///   he_uniform      uniform with variance 2/fan_in
///   xavier_normal   normal with variance 2/(fan_in + fan_out)
///   xavier_uniform  uniform with that variance
///   orthogonal      orthonormal rows or columns of the matrix [out, fan_in]
///   zeros
///
/// A draw depends on the parameter's full name, the member and the element, never on order. Throws Error for another
/// name. [any-thread] O(numel), orthogonal O(out * fan_in * min(out, fan_in)).
NFOPT_API void initialize_weight(Members& members, std::string_view name, const std::string& scheme, const Rng& rng);

/// The bias [P, out] that goes with it: uniform in +-1/sqrt(fan_in) for `pytorch`, zeros for all others.
NFOPT_API void initialize_bias(Members& members, std::string_view name, const std::string& scheme, int64_t fan_in,
                               const Rng& rng);

/// Draws for parameters whose fan does not decide: tables, recurrent gates. The same independence of order.
NFOPT_API void initialize_normal(Members& members, std::string_view name, double stddev, const Rng& rng);
NFOPT_API void initialize_uniform(Members& members, std::string_view name, double bound, const Rng& rng);
/// One value everywhere: scales and biases.
NFOPT_API void initialize_constant(Members& members, std::string_view name, double value);

/// The choices of an option.
NFOPT_API std::vector<std::string> initialization_names();

}  // namespace nfopt
