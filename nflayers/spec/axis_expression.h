#pragma once

#include <nfopt/nflayers/spec/export.h>
#include <nfopt/nflayers/spec/weight_space.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace nfopt {

/// "@a", "@*a", "@~a.1": the label a factor is nested in.
struct ParentReference {
  std::string name;
  LabelType type = LabelType::plain;
  int occurrence = -1;  ///< ".k": the k-th occurrence of the parent in the view, -1: not stated
};

/// A leaf of an axis expression: "h", "h=64", "qk@h", "~in", "*", "*4", "*head=4".
struct AxisFactor {
  LabelType type = LabelType::plain;
  std::string name;  ///< "": a bare "*", private to this factor
  std::optional<ParentReference> parent;
  std::optional<int64_t> size;
  int column = 0;  ///< 1-based place in the text; 0: the `over` of a stack
  int label = -1;  ///< index into the labels of the space, set by name resolution
};

struct AxisProduct;

/// Parts laid end to end: "a|b".
struct AxisConcat {
  std::vector<AxisProduct> parts;
};

/// One factor, or a bracket whose entries are multiplied, row-major, last fastest: "[c, ~pix]".
struct AxisProduct {
  std::optional<AxisFactor> factor;  ///< set: a leaf, and `entries` is empty
  std::vector<AxisConcat> entries;
};

/// What one string of the axis language says: one concat per tensor axis (docs/weight-spaces.md).
struct AxisExpression {
  std::vector<AxisConcat> axes;
};

/// Canonical text: "[[h=4, qk@h] | [h, v@h], d]". Sizes stand where the author gave them; parsing it gives the same
/// expression.
NFOPT_API std::string to_text(const AxisExpression& expression);
NFOPT_API std::string to_text(const AxisConcat& concat);
NFOPT_API std::string to_text(const AxisFactor& factor);

/// Calls `visit` on every factor, left to right.
void visit_factors(AxisConcat& concat, const std::function<void(AxisFactor&)>& visit);
void visit_factors(const AxisConcat& concat, const std::function<void(const AxisFactor&)>& visit);

/// "", "~" or "*".
const char* sigil(LabelType type);

}  // namespace nfopt
