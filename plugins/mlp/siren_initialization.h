#pragma once

#include <nfopt/nflayers/random/rng.h>
#include <nfopt/runtime/network/members.h>

#include <cstdint>
#include <string>

namespace nfopt::mlp {

/// Which bounds a layer of sines starts within.
enum class SirenLayer { first, hidden, output };

/// Fresh values of one layer of a SIREN, y = sin(omega (W x + b)) with omega = 30 folded into W and b:
///
///   first   W in +-omega / n          b in +-omega / sqrt(n)         n inputs, all uniform
///   hidden  W in +-sqrt(6 / n)        b in +-omega / sqrt(n)
///   output  W in +-sqrt(6 / n)/omega  b in +-1 / sqrt(n)             no sine follows
///
/// Paper    Sitzmann et al., arXiv:2006.09661, section 3.2; biases are those of its code.
void initialize_siren(Members& members, const std::string& layer, SirenLayer kind, int64_t inputs, bool bias,
                      const Rng& rng);

}  // namespace nfopt::mlp
