#pragma once

#include <nfopt/nflayers/spec/export.h>

#include <stdexcept>
#include <string>

namespace nfopt {

/// What a user did or gave that cannot work: "[component] What is wrong: expected X, received Y. What to do."
/// One message lists all problems of a kind. Programs print it and exit with status 2.
class NFOPT_API Error : public std::runtime_error {
 public:
  Error(const std::string& component, const std::string& message)
      : std::runtime_error("[" + component + "] " + message) {}
};

/// A description of a weight space is wrong.
class NFOPT_API SpecError : public Error {
 public:
  explicit SpecError(const std::string& message) : Error("spec", message) {}
};

}  // namespace nfopt
