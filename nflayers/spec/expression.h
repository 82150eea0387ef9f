#pragma once

#include <nfopt/nflayers/spec/export.h>

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace nfopt {

using Variables = std::map<std::string, int64_t, std::less<>>;

/// The value of an integer expression: + - * / and parentheses over numbers and variables, e.g. "4*width/heads".
/// Division must be exact: sizes never round.
/// Throws SpecError with the column for bad syntax, overflow, division by zero or with a remainder, and an unknown
/// variable (lists the known ones). O(length).
NFOPT_API int64_t evaluate_expression(std::string_view text, const Variables& variables);

/// Replaces every "{expression}" by its value: "blocks.{i}.fc{2*i+1}" -> "blocks.3.fc7".
/// Throws SpecError for an unclosed "{" and for whatever `evaluate_expression` refuses.
NFOPT_API std::string substitute_expressions(std::string_view text, const Variables& variables);

}  // namespace nfopt
