#pragma once

#include <nfopt/nflayers/spec/axis_expression.h>
#include <nfopt/nflayers/spec/error.h>

#include <string_view>

namespace nfopt {

/// An axis expression that is no sentence of the language. `what()` names the expression and the column.
class NFOPT_API AxisSyntaxError : public SpecError {
 public:
  AxisSyntaxError(std::string_view text, int column, const std::string& problem);

  int column() const { return column_; }                     ///< 1-based
  const std::string& sentence() const { return sentence_; }  ///< `what()` without the component

 private:
  int column_;
  std::string sentence_;
};

/// Parses "[[h=4, qk@h] | [h, v@h], ~in, *4]":
///
///   axes    := "[" (concat ("," concat)*)? "]"           factor  := NAME parent? size?  |  "~" NAME size?
///   concat  := product ("|" product)*                              |  "*" (NAME | INT)? size?
///   product := factor | "[" concat ("," concat)* "]"     parent  := "@" ("*" | "~")? NAME ("." INT)?
///                                                        size    := "=" (INT | "{" expression "}")
///
/// An expression in braces may use numbers only: variables belong to YAML, which puts their values in first.
/// Throws AxisSyntaxError at the first mistake. Any input is safe: length, depth, rank and numbers are bounded.
NFOPT_API AxisExpression parse_axes(std::string_view text);

/// The same for one factor, e.g. the `over` of a stack: "e" or "e=8".
NFOPT_API AxisFactor parse_axis_factor(std::string_view text);

}  // namespace nfopt
