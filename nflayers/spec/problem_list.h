#pragma once

#include <nfopt/nflayers/spec/export.h>

#include <string>
#include <vector>

namespace nfopt {

/// Collects what is wrong with an input, so that its author sees all of it at once.
class NFOPT_API ProblemList {
 public:
  void add(std::string sentence) { sentences_.push_back(std::move(sentence)); }
  bool empty() const { return sentences_.empty(); }

  /// Throws SpecError when there is anything to say: one sentence as it is, several as a numbered list.
  void throw_if_any() const;

 private:
  std::vector<std::string> sentences_;
};

/// `text` with a full stop, unless it ends in one or in a question mark.
NFOPT_API std::string as_sentence(std::string text);

}  // namespace nfopt
