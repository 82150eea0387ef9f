#pragma once

#include <ATen/core/Tensor.h>
#include <nfopt/nflayers/spec/export.h>

namespace nfopt::ops {

/// Rows of P members' tables at once.
///
///   y[p, b] = table[p][tokens[p, b]]
///
/// Shapes   tokens [P|1, B..] of an integer type   table [P, V, d]   ->  [P, B.., d]
/// Group    rows belong to the user: [~voc, d].
/// Cost     one gather; the tables are read in place. On the CPU tokens are compared with V before; a GPU would have to
///          wait for the answer, so there they are not: a wrong token reads another member's row.
/// Throws Error when shapes disagree, tokens are not integers or, on the CPU, lie outside 0..V-1.
NFOPT_API at::Tensor embedding(const at::Tensor& tokens, const at::Tensor& table);

}  // namespace nfopt::ops
