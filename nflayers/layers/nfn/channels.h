#pragma once

#include <nfopt/nflayers/spec/error.h>

#include <cstdint>
#include <string>

namespace nfopt {

inline void require_channels(const char* layer, int64_t in_channels, int64_t out_channels) {
  if (in_channels < 1 || out_channels < 1)
    throw Error("layer", std::string(layer) + " needs at least one channel: received " + std::to_string(in_channels) +
                             " input and " + std::to_string(out_channels) + " output channels.");
}

}  // namespace nfopt
