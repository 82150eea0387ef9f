#pragma once

#include <ATen/core/Tensor.h>
#include <nfopt/nflayers/random/rng.h>
#include <nfopt/nflayers/spec/export.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace nfopt {

/// The initial laws of NFN's affine maps, F being their fan.
///   pytorch_default   weights and biases uniform on +-1/sqrt(F)
///   kaiming_normal    weights normal with variance 2/F, biases 0
enum class InitType : uint8_t { pytorch_default, kaiming_normal };

/// Throws Error("layer", ..) that lists the known names.
NFOPT_API InitType init_type(std::string_view name);
NFOPT_API const char* name_of(InitType type);

/// One affine map to be drawn: weight [outputs, inputs, 1...], bias [outputs] or undefined. Draws depend on `name`.
struct InitMap {
  std::string name;
  at::Tensor weight;
  at::Tensor bias;
};

/// Draws one map with a given fan.
NFOPT_API void set_init(const InitMap& map, const Rng& rng, InitType type, int64_t fan);

/// `set_init_` of nfn: the maps feed one sum, so that F is the sum of their input channels.
NFOPT_API void set_init(const std::vector<InitMap>& maps, const Rng& rng, InitType type);

}  // namespace nfopt
