#include <nfopt/nflayers/spec/error.h>
#include <nfopt/runtime/io/yaml_value.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

namespace nfopt {
namespace {

constexpr size_t kMaxDepth = 64;
constexpr std::streamsize kMaxBytes = 4 << 20;
constexpr size_t kLongestKey = 200;  // YAML ends a key after 1024 characters; each of these may be written as four

std::string place_of(const std::string& file, const YAML::Mark& mark) {
  if (mark.is_null()) return file;
  return file + ":" + std::to_string(mark.line + 1) + ":" + std::to_string(mark.column + 1);
}

[[noreturn]] void refuse(const std::string& place, const std::string& message) {
  throw Error("config", place + ": " + message);
}

// Builds the tree from yaml-cpp's events. Aliases are refused as soon as they are met, so that a few lines can never
// expand into gigabytes.
class TreeBuilder final : public YAML::EventHandler {
 public:
  explicit TreeBuilder(std::string file) : file_(std::move(file)) {}

  YamlValue take() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override { add(open_value(mark, "", anchor)); }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    refuse(
        place_of(file_, mark),
        "an alias ('*name') cannot be used here. Write the value out, or put a text that begins with '*' in quotes.");
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& text) override {
    YamlValue value = open_value(mark, tag, anchor);
    value.quoted = tag == "!";
    value.text = text;
    const bool null = !value.quoted && (text.empty() || text == "~" || text == "null");
    value.kind = null ? YamlValue::Kind::null : YamlValue::Kind::scalar;
    if (!value.quoted && text == "<<")
      refuse(value.place, "merge keys ('<<') cannot be used here. Write the keys out.");
    add(std::move(value));
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    push(open_value(mark, tag, anchor), YamlValue::Kind::sequence);
  }
  void OnSequenceEnd() override { pop(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    push(open_value(mark, tag, anchor), YamlValue::Kind::map);
  }
  void OnMapEnd() override { pop(); }

 private:
  // A map alternates between keys and values: `key` is set between the two.
  struct Open {
    YamlValue value;
    bool has_key = false;
    std::string key;
    std::string key_place;
  };

  YamlValue open_value(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) const {
    YamlValue value;
    value.place = place_of(file_, mark);
    if (anchor != 0) refuse(value.place, "anchors ('&name') cannot be used here. Write the value out.");
    if (!tag.empty() && tag != "?" && tag != "!") refuse(value.place, "tags ('" + tag + "') cannot be used here.");
    return value;
  }

  void push(YamlValue value, YamlValue::Kind kind) {
    if (open_.size() >= kMaxDepth)
      refuse(value.place, "nested deeper than " + std::to_string(kMaxDepth) + " levels, which no configuration needs.");
    value.kind = kind;
    open_.push_back({std::move(value), false, {}, {}});
  }

  void pop() {
    YamlValue done = std::move(open_.back().value);
    open_.pop_back();
    add(std::move(done));
  }

  void add(YamlValue value) {
    if (open_.empty()) {
      root_ = std::move(value);
      return;
    }
    Open& parent = open_.back();
    if (parent.value.kind == YamlValue::Kind::sequence) {
      parent.value.items.push_back(std::move(value));
    } else if (!parent.has_key) {
      if (value.kind != YamlValue::Kind::scalar)
        refuse(value.place, "expected a key, received " + describe(value) + ". Put braces in a text in quotes.");
      if (value.text.size() > kLongestKey)
        refuse(value.place, "a key of " + std::to_string(value.text.size()) + " bytes: expected at most " +
                                std::to_string(kLongestKey) + ".");
      for (const YamlEntry& entry : parent.value.entries)
        if (entry.key == value.text)
          refuse(value.place, "key '" + value.text + "' is given twice; the first is at " + entry.place + ".");
      parent.has_key = true;
      parent.key = std::move(value.text);
      parent.key_place = std::move(value.place);
    } else {
      parent.has_key = false;
      parent.value.entries.push_back({std::move(parent.key), std::move(parent.key_place), std::move(value)});
    }
  }

  std::string file_;
  std::vector<Open> open_;
  YamlValue root_;
};

void set_place(YamlValue& value, const std::string& place) {
  value.place = place;
  for (YamlValue& item : value.items) set_place(item, place);
  for (YamlEntry& entry : value.entries) {
    entry.place = place;
    set_place(entry.value, place);
  }
}

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

std::string quote(const std::string& text) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (is_control(c)) {
      out += "\\x";
      out += kHex[(c >> 4) & 15];
      out += kHex[c & 15];
    } else {
      out += c;
    }
  }
  return out + "\"";
}

// Texts made of these characters, beginning with a letter, mean the same with and without quotes.
bool plain(const std::string& text) {
  if (text.empty() || text == "true" || text == "false" || text == "null") return false;
  if (!std::isalpha(static_cast<unsigned char>(text[0])) && text[0] != '/' && text[0] != '_') return false;
  return std::all_of(text.begin(), text.end(),
                     [](unsigned char c) { return std::isalnum(c) || c == '_' || c == '-' || c == '.' || c == '/'; });
}

// Whether a scalar that was written without quotes, say "3*width", means the same without them between brackets. It has
// no other way to be a number or an expression; a text in quotes stays a text.
bool stays_plain(const std::string& text) {
  const auto is_word = [&](size_t i) { return i < text.size() && std::isalnum(static_cast<unsigned char>(text[i])); };
  if (text.empty() || text.back() == ' ') return false;
  const bool signed_or_path = std::string_view("+-._/").find(text[0]) != std::string_view::npos;
  if (!is_word(0) && text[0] != '(' && !(signed_or_path && (is_word(1) || (text[1] == '.' && is_word(2)))))
    return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) ||
           std::string_view("_+-*/.()~=@<>|&!%^$; ").find(c) != std::string_view::npos;
  });
}

std::string one_line(const YamlValue& value) {
  switch (value.kind) {
    case YamlValue::Kind::null:
      return "null";
    case YamlValue::Kind::scalar:
      return value.quoted || !stays_plain(value.text) ? quote(value.text) : value.text;
    case YamlValue::Kind::sequence: {
      std::string out = "[";
      for (size_t i = 0; i < value.items.size(); ++i) out += (i ? ", " : "") + one_line(value.items[i]);
      return out + "]";
    }
    case YamlValue::Kind::map: {
      std::string out = "{";
      for (size_t i = 0; i < value.entries.size(); ++i)
        out += (i ? ", " : "") + one_line(YamlValue::text_scalar(value.entries[i].key)) + ": " +
               one_line(value.entries[i].value);
      return out + "}";
    }
  }
  return "";
}

void write_block(const YamlValue& map, int indent, std::string& out) {
  for (const YamlEntry& entry : map.entries) {
    const std::string key = one_line(YamlValue::text_scalar(entry.key));
    out += std::string(static_cast<size_t>(indent), ' ') + key + ":";
    if (entry.value.kind == YamlValue::Kind::map && !entry.value.entries.empty()) {
      out += "\n";
      write_block(entry.value, indent + 2, out);
    } else {
      out += " " + one_line(entry.value) + "\n";
    }
  }
}

}  // namespace

const YamlValue* YamlValue::find(std::string_view key) const {
  for (const YamlEntry& entry : entries)
    if (entry.key == key) return &entry.value;
  return nullptr;
}

void YamlValue::set(std::string_view key, YamlValue value) {
  for (YamlEntry& entry : entries) {
    if (entry.key != key) continue;
    entry.place = value.place;
    entry.value = std::move(value);
    return;
  }
  std::string place = value.place;
  entries.push_back({std::string(key), std::move(place), std::move(value)});
}

YamlValue YamlValue::scalar(std::string text) {
  YamlValue value;
  value.kind = Kind::scalar;
  value.text = std::move(text);
  return value;
}

YamlValue YamlValue::text_scalar(std::string text) {
  YamlValue value = scalar(std::move(text));
  value.quoted = !plain(value.text);
  return value;
}

YamlValue YamlValue::map() {
  YamlValue value;
  value.kind = Kind::map;
  return value;
}

YamlValue YamlValue::sequence(std::vector<YamlValue> items) {
  YamlValue value;
  value.kind = Kind::sequence;
  value.items = std::move(items);
  return value;
}

std::string describe(const YamlValue& value) {
  switch (value.kind) {
    case YamlValue::Kind::null:
      return "nothing";
    case YamlValue::Kind::scalar:
      return "'" + (value.text.size() > 60 ? value.text.substr(0, 60) + "..." : value.text) + "'";
    case YamlValue::Kind::sequence:
      return "a list";
    case YamlValue::Kind::map:
      return "a map";
  }
  return "";
}

namespace {

// YAML has none, and yaml-cpp reads them as blanks, as ends of lines or not at all.
void refuse_control_characters(std::string_view text, const std::string& file) {
  int line = 1;
  size_t line_begin = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\n') {
      ++line;
      line_begin = i + 1;
    } else if (is_control(text[i]) && text[i] != '\t' && text[i] != '\r') {
      refuse(file + ":" + std::to_string(line) + ":" + std::to_string(i - line_begin + 1),
             "not valid YAML: a control character (byte " + std::to_string(static_cast<unsigned char>(text[i])) +
                 "). In a text in double quotes it can be written as an escape, \"\\x0f\".");
    }
  }
}

}  // namespace

YamlValue parse_yaml(std::string_view text, const std::string& file) {
  // yaml-cpp accepts a quote that is never closed when a line break ends the text, so the break goes first.
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.remove_suffix(1);
  refuse_control_characters(text, file);
  TreeBuilder tree(file);
  try {
    std::istringstream in{std::string(text)};
    YAML::Parser parser(in);
    if (!parser.HandleNextDocument(tree)) return {};
    TreeBuilder rest(file);
    if (parser.HandleNextDocument(rest)) refuse(file, "expected one document, received several (a second '---').");
  } catch (const YAML::Exception& error) {
    refuse(place_of(file, error.mark), "not valid YAML: " + error.msg + ".");
  }
  return tree.take();
}

YamlValue read_yaml(const std::filesystem::path& path) {
  std::error_code code;
  if (std::filesystem::is_directory(path, code))
    throw Error("config", "'" + path.string() + "' is a folder: expected a YAML file.");
  errno = 0;
  std::ifstream in(path, std::ios::binary);
  if (!in) throw Error("config", "cannot read '" + path.string() + "': " + std::strerror(errno) + ".");
  std::string text(static_cast<size_t>(kMaxBytes) + 1, '\0');
  in.read(text.data(), kMaxBytes + 1);
  if (in.gcount() > kMaxBytes) throw Error("config", "'" + path.string() + "' is larger than 4 MiB.");
  text.resize(static_cast<size_t>(in.gcount()));
  return parse_yaml(text, path.string());
}

void apply_override(YamlValue& root, std::string_view assignment) {
  const size_t equals = assignment.find('=');
  const std::string path(assignment.substr(0, equals));
  const std::string place = "--set " + path;
  if (equals == std::string_view::npos || path.empty())
    throw Error("config", "--set '" + std::string(assignment) + "': expected key=value, as in --set optimizer.lr=0.1.");
  YamlValue value = parse_yaml(assignment.substr(equals + 1), place);
  set_place(value, place);

  YamlValue* at = &root;
  if (at->kind == YamlValue::Kind::null) at->kind = YamlValue::Kind::map;
  for (size_t begin = 0;;) {
    const size_t dot = path.find('.', begin);
    const std::string key = path.substr(begin, dot == std::string::npos ? dot : dot - begin);
    if (key.empty()) refuse(place, "expected keys joined by single dots, received '" + path + "'.");
    if (dot == std::string::npos) {
      at->set(key, std::move(value));
      return;
    }
    if (at->find(key) == nullptr) {
      YamlValue made = YamlValue::map();
      made.place = place;
      at->set(key, std::move(made));
    }
    YamlValue& next = const_cast<YamlValue&>(*at->find(key));
    if (next.kind == YamlValue::Kind::null) next.kind = YamlValue::Kind::map;
    if (next.kind == YamlValue::Kind::scalar) {
      YamlValue named = YamlValue::map();
      named.place = next.place;
      named.set("name", next);
      next = std::move(named);
    }
    if (next.kind != YamlValue::Kind::map)
      refuse(place, "'" + path.substr(0, dot) + "' is " + describe(next) + " and has no keys.");
    at = &next;
    begin = dot + 1;
  }
}

std::string to_yaml(const YamlValue& value) {
  if (value.kind != YamlValue::Kind::map || value.entries.empty()) return one_line(value) + "\n";
  std::string out;
  write_block(value, 0, out);
  return out;
}

}  // namespace nfopt
