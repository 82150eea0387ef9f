#include "siren_initialization.h"

#include <nfopt/runtime/network/initialization.h>

#include <cmath>

namespace nfopt::mlp {

void initialize_siren(Members& members, const std::string& layer, SirenLayer kind, int64_t inputs, bool bias,
                      const Rng& rng) {
  constexpr double kOmega = 30;
  const auto n = static_cast<double>(inputs);
  double weight_bound = std::sqrt(6 / n), bias_bound = kOmega / std::sqrt(n);
  if (kind == SirenLayer::first) weight_bound = kOmega / n;
  if (kind == SirenLayer::output) {
    weight_bound /= kOmega;
    bias_bound /= kOmega;
  }
  initialize_uniform(members, layer + ".weight", weight_bound, rng);
  if (bias) initialize_uniform(members, layer + ".bias", bias_bound, rng);
}

}  // namespace nfopt::mlp
