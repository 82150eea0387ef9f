#pragma once

#include <nfopt/nflayers/spec/export.h>

#include <string>

namespace nfopt::cpu {

/// The instruction set that the kernels of this folder run on, chosen once per process from what the processor has:
/// "AVX3", "AVX2", "SSE4", .. (Highway's names). Results differ between instruction sets by rounding only.
NFOPT_API std::string simd_target();

}  // namespace nfopt::cpu
