#pragma once

#include <nfopt/nflayers/spec/axis_expression.h>
#include <nfopt/nflayers/spec/problem_list.h>
#include <nfopt/nflayers/spec/tensor_description.h>

#include <string>
#include <vector>

namespace nfopt {

/// The axis expression of a source, or of one slice of it.
struct AxesSyntax {
  AxisExpression expression;  ///< the leading axis of a stack included
  std::string text;           ///< canonical, as the author would write it (without a stack's leading axis)
  int slice_axis = -1;        ///< axis of the source that is sliced; -1: the whole source
  int64_t start = 0;
  int64_t stop = 0;
};

/// A description whose strings have been read: one source, its shape as far as stated, its expressions.
struct TensorSyntax {
  std::string name;
  std::vector<AxesSyntax> parts;  ///< one, or one per slice
  std::vector<int64_t> shape;     ///< of the source; 0: not known yet
  bool stacked = false;
  AxisFactor over;  ///< when stacked
  std::vector<Slot> slots;
};

/// Reads what can be read from one description alone: expressions, ranks, slices, slots, the stack.
/// Problems go to `problems`; a description that has any gives a syntax without parts.
TensorSyntax read_tensor(const TensorDescription& description, ProblemList& problems);

/// "'w1' \"[h, ~in]\"": how messages call an expression.
std::string place(const TensorSyntax& tensor, const AxesSyntax& axes);
/// "column 2 of 'w1' \"[h, ~in]\"".
std::string place(const TensorSyntax& tensor, const AxesSyntax& axes, const AxisFactor& factor);
/// "axis 0 of 'w1' \"[h, ~in]\"".
std::string place(const TensorSyntax& tensor, const AxesSyntax& axes, size_t axis);

}  // namespace nfopt
