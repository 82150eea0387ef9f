#pragma once

#include <nfopt/nflayers/spec/export.h>

#include <string>
#include <vector>

namespace nfopt::cpu {

/// The instruction set that the kernels of this folder run on, chosen once per process from what the processor has:
/// "AVX3", "AVX2", "SSE4", .. (Highway's names). Results differ between instruction sets by rounding only.
NFOPT_API std::string simd_target();

/// All that this processor has and the kernels are compiled for, best first.
NFOPT_API std::vector<std::string> simd_targets();

/// Makes all kernels of the process use one of simd_targets(), or the best one again when empty. For tests and
/// benchmarks. Throws Error that lists them.
NFOPT_API void use_simd_target(const std::string& name);

}  // namespace nfopt::cpu
