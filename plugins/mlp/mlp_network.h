#pragma once

#include <nfopt/runtime/network/network.h>
#include <nfopt/runtime/network/ops/activation.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace nfopt::mlp {

/// The initialization of networks of sines, beside those that every architecture has (siren_initialization.h).
inline constexpr const char* kSirenInitialization = "siren";

struct MlpShape {
  std::vector<int64_t> widths;  ///< input, hidden.., output
  ops::Activation activation;
  std::string initialization;
  bool bias;
};

/// "layers.0", "layers.1", ..
std::string layer_name(size_t layer);

/// x [P|1, B, ..] with input_size entries per example  ->  [P, B, output_size]. No activation after the last layer.
std::unique_ptr<Network> make_mlp_network(MlpShape shape);

}  // namespace nfopt::mlp
