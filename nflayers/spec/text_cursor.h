#pragma once

#include <cctype>
#include <cstddef>
#include <string_view>

namespace nfopt {

/// A place in a text that moves forward: what the small parsers of this folder are made of.
class TextCursor {
 protected:
  explicit TextCursor(std::string_view text) : text_(text) {}

  bool at_end() const { return at_ >= text_.size(); }

  void skip_space() {
    while (!at_end() && std::isspace(static_cast<unsigned char>(text_[at_]))) ++at_;
  }

  /// Passes `c`, and white space before it, if that comes next.
  bool take(char c) {
    skip_space();
    if (at_end() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  std::string_view text_;
  size_t at_ = 0;
};

}  // namespace nfopt
