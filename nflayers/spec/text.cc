#include <nfopt/nflayers/spec/axis_parser.h>
#include <nfopt/nflayers/spec/description_words.h>
#include <nfopt/nflayers/spec/near_names.h>
#include <nfopt/nflayers/spec/problem_list.h>
#include <nfopt/nflayers/spec/table.h>
#include <nfopt/nflayers/spec/text.h>
#include <nfopt/nflayers/spec/text_cursor.h>

#include <algorithm>
#include <cctype>

namespace nfopt {
namespace {

const std::string kHeader = "weight space 1";

bool is_bare(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) || std::string_view("_.{}/-").find(c) != std::string_view::npos;
}

std::string quoted(const std::string& name) {
  if (!name.empty() && std::all_of(name.begin(), name.end(), is_bare)) return name;
  std::string text = "\"";
  for (const char c : name) {
    if (c == '"' || c == '\\') text += '\\';
    if (c == '\n')
      text += "\\n";
    else
      text += c;
  }
  return text + '"';
}

std::string shape_text(const std::vector<int64_t>& shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i) text += (i ? ", " : "") + std::to_string(shape[i]);
  return text + "]";
}

std::string attributes(const TensorDescription& tensor) {
  std::string text;
  const auto add = [&](const std::string& word) { text += (text.empty() ? "" : " ") + word; };
  if (tensor.kind != Kind::parameter) add(to_word(tensor.kind));
  if (tensor.role != Role::weight) add(to_word(tensor.role));
  if (!tensor.block.empty()) add("block=" + quoted(tensor.block));
  if (!tensor.slots.empty()) {
    std::string letters;
    for (const Slot slot : tensor.slots) letters += to_word(slot);
    add("slots=" + letters);
  }
  if (!tensor.tied.empty()) {
    std::string names;
    for (const auto& name : tensor.tied) names += (names.empty() ? "" : ",") + quoted(name);
    add("tied=" + names);
  }
  if (tensor.stack) add("stack=" + tensor.stack->over + " of=" + quoted(tensor.stack->of));
  return text;
}

std::string axes_text(const TensorDescription& tensor) {
  std::string text = tensor.axes;
  for (const auto& slice : tensor.views)
    text += std::string(text.empty() ? "" : " ; ") + "axis " + std::to_string(slice.axis) + " from " +
            std::to_string(slice.start) + " to " + std::to_string(slice.stop) + " " + slice.axes;
  return text;
}

// Reads one line; throws a plain string that the caller puts its line number in front of.
class LineReader : TextCursor {
 public:
  explicit LineReader(std::string_view line) : TextCursor(line) {}

  TensorDescription run() {
    TensorDescription tensor;
    tensor.name = name();
    tensor.shape = shape();
    while (!take(':')) attribute(tensor);
    skip_space();
    if (!at_end() && text_[at_] == '[') {
      tensor.axes = std::string(text_.substr(at_));
    } else {
      do tensor.views.push_back(slice());
      while (take(';'));
    }
    return tensor;
  }

 private:
  [[noreturn]] void fail(const std::string& problem) const {
    throw "column " + std::to_string(at_ + 1) + ": " + problem;
  }

  void expect(char c) {
    if (!take(c)) fail(std::string("expected '") + c + "'");
  }

  std::string name() {
    skip_space();
    std::string text;
    if (!at_end() && text_[at_] == '"') {
      for (++at_; !at_end() && text_[at_] != '"'; ++at_) {
        const bool escaped = text_[at_] == '\\' && at_ + 1 < text_.size();
        if (escaped) ++at_;
        text += escaped && text_[at_] == 'n' ? '\n' : text_[at_];
      }
      if (at_end()) fail("the quote is never closed");
      ++at_;
      return text;
    }
    while (!at_end() && is_bare(text_[at_])) text += text_[at_++];
    if (text.empty()) fail("expected a name");
    return text;
  }

  int64_t number() {
    skip_space();
    int64_t value = 0;
    const size_t start = at_;
    for (; !at_end() && std::isdigit(static_cast<unsigned char>(text_[at_])); ++at_)
      if (__builtin_mul_overflow(value, int64_t{10}, &value) ||
          __builtin_add_overflow(value, int64_t{text_[at_] - '0'}, &value))
        fail("the number is too large");
    if (at_ == start) fail("expected a number");
    return value;
  }

  std::vector<int64_t> shape() {
    std::vector<int64_t> lengths;
    expect('[');
    if (take(']')) return lengths;
    do lengths.push_back(number());
    while (take(','));
    expect(']');
    return lengths;
  }

  void attribute(TensorDescription& tensor) {
    static const std::vector<std::string> kKeys{"block", "slots", "tied", "stack", "of"};
    skip_space();
    const size_t start = at_;
    if (at_end()) fail("expected ':' and the axes");
    const std::string word = name();
    if (!take('=')) {
      if (const auto kind = find_kind(word)) {
        tensor.kind = *kind;
      } else if (const auto role = find_role(word)) {
        tensor.role = *role;
      } else {
        at_ = start;
        std::vector<std::string> known = kind_words();
        for (const auto& other : role_words()) known.push_back(other);
        fail("unknown word '" + word + "'." + known_names(word, known));
      }
      return;
    }
    if (word == "block") {
      tensor.block = name();
    } else if (word == "slots") {
      for (const char letter : name()) {
        const auto slot = find_slot(std::string(1, letter));
        if (!slot) fail(std::string("unknown slot '") + letter + "': expected o, i or x");
        tensor.slots.push_back(*slot);
      }
    } else if (word == "tied") {
      do tensor.tied.push_back(name());
      while (take(','));
    } else if (word == "stack") {
      const size_t end = std::min(text_.find(' ', at_), text_.size());
      stack(tensor).over = std::string(text_.substr(at_, end - at_));
      at_ = end;
    } else if (word == "of") {
      stack(tensor).of = name();
    } else {
      at_ = start;
      fail("unknown key '" + word + "'." + known_names(word, kKeys));
    }
  }

  static StackDescription& stack(TensorDescription& tensor) {
    if (!tensor.stack) tensor.stack.emplace();
    return *tensor.stack;
  }

  void word(const std::string& expected) {
    if (name() != expected) fail("expected '" + expected + "': a slice is written \"axis 0 from 0 to 8 [..]\"");
  }

  SliceDescription slice() {
    SliceDescription result;
    word("axis");
    result.axis = number();
    word("from");
    result.start = number();
    word("to");
    result.stop = number();
    skip_space();
    const size_t end = std::min(text_.find(';', at_), text_.size());
    result.axes = std::string(text_.substr(at_, end - at_));
    at_ = end;
    return result;
  }
};

}  // namespace

std::string to_text(const WeightSpace& space) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& tensor : space.descriptions())
    rows.push_back({quoted(tensor.name), shape_text(tensor.shape), attributes(tensor), ": " + axes_text(tensor)});
  return kHeader + "\n" + aligned(rows, "");
}

WeightSpace weight_space_from_text(std::string_view text) {
  ProblemList problems;
  std::vector<TensorDescription> descriptions;
  bool has_header = false;
  size_t number = 0;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    std::string_view line = text.substr(at, end - at);
    at = end + 1;
    ++number;
    while (!line.empty() && std::isspace(static_cast<unsigned char>(line.back()))) line.remove_suffix(1);
    if (line.empty() || line.front() == '#') continue;
    if (!has_header) {
      if (line != kHeader)
        throw SpecError("Line " + std::to_string(number) + ": expected \"" + kHeader + "\", received \"" +
                        std::string(line.substr(0, 80)) + "\". This is no printed weight space.");
      has_header = true;
      continue;
    }
    try {
      descriptions.push_back(LineReader(line).run());
    } catch (const std::string& problem) {
      problems.add(as_sentence("line " + std::to_string(number) + ", " + problem));
    }
  }
  if (!has_header) throw SpecError("Expected a line \"" + kHeader + "\", received an empty text.");
  problems.throw_if_any();
  return WeightSpace(std::move(descriptions));
}

}  // namespace nfopt
