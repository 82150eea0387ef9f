#include <nfopt/nflayers/spec/axis_parser.h>
#include <nfopt/nflayers/spec/expression.h>
#include <nfopt/nflayers/spec/problem_list.h>
#include <nfopt/nflayers/spec/text_cursor.h>

#include <cctype>

namespace nfopt {
namespace {

// Bounds on hostile input; real descriptions stay far below them.
constexpr size_t kMaxLength = 65536;
constexpr int kMaxDepth = 32;
constexpr size_t kMaxRank = 64;

bool starts_name(char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0; }
bool continues_name(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

std::string shortened(std::string_view text) {
  return text.size() <= 200 ? std::string(text) : std::string(text.substr(0, 200)) + "..";
}

std::string describe(std::string_view text, int column, const std::string& problem) {
  return as_sentence("axes \"" + shortened(text) + "\", column " + std::to_string(column) + ": " + problem);
}

class AxisParser : TextCursor {
 public:
  explicit AxisParser(std::string_view text) : TextCursor(text) {}

  AxisExpression expression() {
    if (text_.size() > kMaxLength) fail("more than " + std::to_string(kMaxLength) + " characters");
    AxisExpression result;
    expect('[', "'[': an expression is a bracket with one entry per axis");
    if (!take(']')) {
      result.axes = concats();
      if (result.axes.size() > kMaxRank) fail("more than " + std::to_string(kMaxRank) + " axes");
    }
    expect_end();
    return result;
  }

  AxisFactor lone_factor() {
    if (text_.size() > kMaxLength) fail("more than " + std::to_string(kMaxLength) + " characters");
    AxisFactor result = factor();
    expect_end();
    return result;
  }

 private:
  [[noreturn]] void fail(const std::string& problem) const {
    throw AxisSyntaxError(text_, static_cast<int>(at_) + 1, problem);
  }

  std::string here() const {
    if (at_end()) return "the end";
    const unsigned char c = static_cast<unsigned char>(text_[at_]);
    if (c >= 0x20 && c < 0x7f) return std::string("'") + text_[at_] + "'";
    static const char* digits = "0123456789abcdef";
    return std::string("byte 0x") + digits[c >> 4] + digits[c & 15];
  }

  void expect(char c, const std::string& what) {
    if (!take(c)) fail("expected " + what + ", received " + here());
  }

  void expect_end() {
    skip_space();
    if (!at_end()) fail("expected the end, received " + here());
  }

  // concat ("," concat)* "]"
  std::vector<AxisConcat> concats() {
    if (++depth_ > kMaxDepth) fail("more than " + std::to_string(kMaxDepth) + " nested brackets");
    std::vector<AxisConcat> result;
    do result.push_back(concat());
    while (take(','));
    expect(']', "',', '|' or ']'");
    --depth_;
    return result;
  }

  AxisConcat concat() {
    AxisConcat result;
    do result.parts.push_back(product());
    while (take('|'));
    return result;
  }

  AxisProduct product() {
    AxisProduct result;
    if (take('['))
      result.entries = concats();
    else
      result.factor = factor();
    return result;
  }

  AxisFactor factor() {
    skip_space();
    AxisFactor result;
    result.column = static_cast<int>(at_) + 1;
    if (take('*')) {
      result.type = LabelType::fixed;
      skip_space();
      if (!at_end() && starts_name(text_[at_])) {
        result.name = name("a name");
      } else if (!at_end() && std::isdigit(static_cast<unsigned char>(text_[at_]))) {
        result.size = size_number();
        if (take('=')) fail("'*" + std::to_string(*result.size) + "' already states its size");
      }
    } else if (take('~')) {
      result.type = LabelType::ordered;
      result.name = name("a name after '~'");
    } else {
      result.name = name("a label, '~', '*' or '['");
    }
    if (take('@')) {
      if (result.type != LabelType::plain)
        fail(std::string("only plain labels are nested: '") + to_text(result) + "' can have no parent");
      result.parent = parent();
    }
    if (take('=')) result.size = size();
    return result;
  }

  ParentReference parent() {
    ParentReference result;
    if (take('*'))
      result.type = LabelType::fixed;
    else if (take('~'))
      result.type = LabelType::ordered;
    result.name = name("the parent's name after '@'");
    if (take('.')) {
      skip_space();
      const int64_t occurrence = number("an occurrence after '.', counted from 0");
      if (occurrence > 1000000) fail("occurrence " + std::to_string(occurrence) + " is out of range");
      result.occurrence = static_cast<int>(occurrence);
    }
    return result;
  }

  int64_t size() {
    if (!take('{')) {
      skip_space();
      return size_number();
    }
    const size_t close = text_.find('}', at_);
    if (close == std::string_view::npos) fail("'{' is never closed");
    int64_t value = 0;
    try {
      value = evaluate_expression(text_.substr(at_, close - at_), {});
    } catch (const SpecError& error) {
      fail(std::string(error.what()).substr(std::string("[spec] ").size()));
    }
    return checked_size(value, close + 1);
  }

  int64_t size_number() {
    const size_t start = at_;
    const int64_t value = number("a size");
    const size_t end = at_;
    at_ = start;  // a bad size is reported where it begins
    return checked_size(value, end);
  }

  int64_t checked_size(int64_t value, size_t end) {
    if (value < 1) fail("size " + std::to_string(value) + ": sizes start at 1");
    at_ = end;
    return value;
  }

  int64_t number(const std::string& what) {
    if (at_end() || !std::isdigit(static_cast<unsigned char>(text_[at_])))
      fail("expected " + what + ", received " + here());
    int64_t value = 0;
    for (size_t i = at_; i < text_.size() && std::isdigit(static_cast<unsigned char>(text_[i])); ++i)
      if (__builtin_mul_overflow(value, int64_t{10}, &value) ||
          __builtin_add_overflow(value, int64_t{text_[i] - '0'}, &value))
        fail("the number is too large");
    while (!at_end() && std::isdigit(static_cast<unsigned char>(text_[at_]))) ++at_;
    return value;
  }

  std::string name(const std::string& what) {
    skip_space();
    if (at_end() || !starts_name(text_[at_])) {
      if (!at_end() && text_[at_] == '{')
        fail("'{' belongs to YAML: substitute {expressions} before parsing (only a size may be one)");
      fail("expected " + what + ", received " + here());
    }
    const size_t start = at_;
    while (!at_end() && continues_name(text_[at_])) ++at_;
    return std::string(text_.substr(start, at_ - start));
  }

  int depth_ = 0;
};

}  // namespace

AxisSyntaxError::AxisSyntaxError(std::string_view text, int column, const std::string& problem)
    : SpecError(describe(text, column, problem)), column_(column), sentence_(describe(text, column, problem)) {}

AxisExpression parse_axes(std::string_view text) { return AxisParser(text).expression(); }

AxisFactor parse_axis_factor(std::string_view text) { return AxisParser(text).lone_factor(); }

}  // namespace nfopt
