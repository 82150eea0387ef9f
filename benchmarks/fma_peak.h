#pragma once

namespace nfopt {

/// Multiply-adds of float32 that one thread can do per second, two operations each: a loop of independent ones on the
/// widest vectors. Takes about 50 ms.
double fma_peak_flops();

}  // namespace nfopt
