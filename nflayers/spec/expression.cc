#include <nfopt/nflayers/spec/error.h>
#include <nfopt/nflayers/spec/expression.h>
#include <nfopt/nflayers/spec/near_names.h>
#include <nfopt/nflayers/spec/problem_list.h>
#include <nfopt/nflayers/spec/text_cursor.h>

#include <cctype>
#include <limits>
#include <vector>

namespace nfopt {
namespace {

constexpr int kMaxDepth = 64;  // bounds the recursion on hostile input

bool starts_name(char c) { return std::isalpha(static_cast<unsigned char>(c)) || c == '_'; }
bool continues_name(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; }

class Evaluator : TextCursor {
 public:
  Evaluator(std::string_view text, const Variables& variables) : TextCursor(text), variables_(variables) {}

  int64_t run() {
    const int64_t value = sum();
    skip_space();
    if (!at_end()) fail(std::string("unexpected '") + text_[at_] + "'");
    return value;
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw SpecError(as_sentence("Expression \"" + std::string(text_.substr(0, 200)) + "\", column " +
                                std::to_string(at_ + 1) + ": " + what));
  }

  int64_t sum() {
    int64_t value = product();
    for (;;) {
      if (take('+')) {
        if (__builtin_add_overflow(value, product(), &value)) fail("the sum is too large");
      } else if (take('-')) {
        if (__builtin_sub_overflow(value, product(), &value)) fail("the difference is too large");
      } else {
        return value;
      }
    }
  }

  int64_t product() {
    int64_t value = unary();
    for (;;) {
      if (take('*')) {
        if (__builtin_mul_overflow(value, unary(), &value)) fail("the product is too large");
      } else if (take('/')) {
        const int64_t divisor = unary();
        if (divisor == 0) fail("division by zero");
        if (divisor == -1 && value == std::numeric_limits<int64_t>::min()) fail("the quotient is too large");
        if (value % divisor != 0)
          fail(std::to_string(value) + " / " + std::to_string(divisor) +
               " leaves a remainder: sizes are never rounded");
        value /= divisor;
      } else {
        return value;
      }
    }
  }

  int64_t unary() {
    if (++depth_ > kMaxDepth) fail("more than " + std::to_string(kMaxDepth) + " nested parentheses or signs");
    int64_t value = 0;
    if (take('-')) {
      if (__builtin_sub_overflow(int64_t{0}, unary(), &value)) fail("the number is too large");
    } else if (take('(')) {
      value = sum();
      if (!take(')')) fail("expected ')'");
    } else {
      value = atom();
    }
    --depth_;
    return value;
  }

  int64_t atom() {
    skip_space();
    if (at_end()) fail("expected a number or a variable, received the end");
    if (std::isdigit(static_cast<unsigned char>(text_[at_]))) return number();
    if (!starts_name(text_[at_])) fail(std::string("expected a number or a variable, received '") + text_[at_] + "'");
    size_t end = at_;
    while (end < text_.size() && continues_name(text_[end])) ++end;
    const std::string_view name = text_.substr(at_, end - at_);
    const auto found = variables_.find(name);
    if (found == variables_.end()) {
      std::vector<std::string> known;
      for (const auto& [key, value] : variables_) known.push_back(key);
      fail("unknown variable '" + std::string(name) + "'." + known_names(name, known));
    }
    at_ = end;
    return found->second;
  }

  int64_t number() {
    int64_t value = 0;
    while (!at_end() && std::isdigit(static_cast<unsigned char>(text_[at_]))) {
      if (__builtin_mul_overflow(value, int64_t{10}, &value) ||
          __builtin_add_overflow(value, int64_t{text_[at_] - '0'}, &value))
        fail("the number is too large");
      ++at_;
    }
    return value;
  }

  const Variables& variables_;
  int depth_ = 0;
};

}  // namespace

int64_t evaluate_expression(std::string_view text, const Variables& variables) {
  return Evaluator(text, variables).run();
}

std::string substitute_expressions(std::string_view text, const Variables& variables) {
  std::string result;
  size_t at = 0;
  while (at < text.size()) {
    const size_t open = text.find('{', at);
    if (open == std::string_view::npos) break;
    const size_t close = text.find('}', open);
    if (close == std::string_view::npos)
      throw SpecError("\"" + std::string(text.substr(0, 200)) + "\", column " + std::to_string(open + 1) +
                      ": '{' is never closed. Write '{expression}'.");
    result += text.substr(at, open - at);
    result += std::to_string(evaluate_expression(text.substr(open + 1, close - open - 1), variables));
    at = close + 1;
  }
  return result + std::string(text.substr(at));
}

}  // namespace nfopt
