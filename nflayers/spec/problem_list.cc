#include <nfopt/nflayers/spec/error.h>
#include <nfopt/nflayers/spec/problem_list.h>

namespace nfopt {

std::string as_sentence(std::string text) {
  if (text.empty() || (text.back() != '.' && text.back() != '?')) text += '.';
  return text;
}

void ProblemList::throw_if_any() const {
  constexpr size_t kMost = 20;  // a page; the rest are rarely new
  if (sentences_.empty()) return;
  if (sentences_.size() == 1) throw SpecError(sentences_.front());
  std::string text = std::to_string(sentences_.size()) + " problems:";
  for (size_t i = 0; i < sentences_.size() && i < kMost; ++i)
    text += "\n  " + std::to_string(i + 1) + ". " + sentences_[i];
  if (sentences_.size() > kMost) text += "\n  and " + std::to_string(sentences_.size() - kMost) + " more.";
  throw SpecError(text);
}

}  // namespace nfopt
