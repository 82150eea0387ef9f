#pragma once

#include <nfopt/nflayers/spec/export.h>

#include <vector>

namespace nfopt {

/// Kendall's rank correlation with ties, tau-b: how well one list orders what another measures.
///
///   tau_b = (C - D) / sqrt((n0 - n1) (n0 - n2))      n0 = n (n - 1) / 2
///
/// C, D: pairs that both lists order alike, or oppositely; n1, n2: pairs that are equal in the first, or the second. 1:
/// the same order, -1: the opposite, about 0: none. NaN when all values of a list are equal or there are fewer than two.
/// Throws Error when the lists differ in length or a value is not a number.
/// Cost     O(n log n)
/// Source   Kendall, Biometrika 33 (1945); Knight, JASA 61 (1966)
NFOPT_API double kendall_tau(const std::vector<double>& x, const std::vector<double>& y);

}  // namespace nfopt
