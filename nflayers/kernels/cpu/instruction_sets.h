#pragma once

// Included before Highway: the instruction sets that kernels are compiled for. SSSE3 is left to its baseline; vectors
// whose length is unknown to the compiler cannot be kept in arrays, as register blocks need.
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)
