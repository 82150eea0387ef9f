#include <nfopt/nflayers/spec/description_words.h>
#include <nfopt/nflayers/spec/error.h>
#include <nfopt/runtime/io/weight_space_template.h>

#include <cctype>

namespace nfopt {
namespace {

constexpr int64_t kMostRounds = 1000000;
constexpr size_t kMostTensors = 100000;

std::string without_component(const std::string& what) {
  const std::string component = "[spec] ";
  return what.compare(0, component.size(), component) == 0 ? what.substr(component.size()) : what;
}

bool is_variable(const std::string& name) {
  if (name.empty() || std::isdigit(static_cast<unsigned char>(name[0]))) return false;
  for (const char c : name)
    if (!std::isalnum(static_cast<unsigned char>(c)) && c != '_') return false;
  return true;
}

// ---- reading ------------------------------------------------------------------------------------------------------

TextTemplate text_at(YamlMap& map, const std::string& key, const std::optional<std::string>& fallback = {}) {
  const std::string text = map.text(key, {}, fallback);
  const YamlValue* value = map.value(key);
  return {text, value ? value->place : map.place()};
}

// A number or an expression: 64, 4*width, "{4*width}".
std::optional<TextTemplate> number_of(const YamlValue& value) {
  if (value.kind != YamlValue::Kind::scalar) return {};
  return TextTemplate{value.text, value.place};
}

TextTemplate number_at(YamlMap& map, const std::string& key) {
  const YamlValue* value = map.value(key);
  if (value == nullptr) {
    map.problem(key, "is missing: expected an integer or an expression.");
  } else if (const auto number = number_of(*value)) {
    return *number;
  } else {
    map.problem(key, "expected an integer or an expression, received " + describe(*value) + ".");
  }
  return {};
}

std::vector<TextTemplate> list_at(YamlMap& map, const std::string& key, bool numbers) {
  std::vector<TextTemplate> result;
  const YamlValue* list = map.value(key);
  if (list == nullptr) return result;
  const std::string expected = numbers ? "a list of integers or expressions" : "a list of texts";
  if (list->kind != YamlValue::Kind::sequence) {
    map.problem(key, "expected " + expected + ", received " + describe(*list) + ".");
    return result;
  }
  for (const auto& item : list->items) {
    const auto text = as_text(item);
    const auto entry = numbers ? number_of(item) : text ? std::optional(TextTemplate{*text, item.place}) : std::nullopt;
    if (entry)
      result.push_back(*entry);
    else
      map.problem(key, "expected " + expected + ", received " + describe(item) + " in it.");
  }
  return result;
}

// YAML reads [h, ~in] without quotes as a list; say so instead of asking for a text.
TextTemplate axes_at(YamlMap& map) {
  const YamlValue* value = map.value("axes");
  if (value != nullptr && value->kind == YamlValue::Kind::sequence) {
    map.problem("axes", "an axis expression is one text. Put it in quotes: \"[h, ~in]\".");
    return {};
  }
  return text_at(map, "axes");
}

class TemplateReader {
 public:
  explicit TemplateReader(YamlProblems& problems) : problems_(problems) {}

  std::vector<TemplateItem> list(const YamlValue& value, const std::string& path) {
    std::vector<TemplateItem> items;
    if (value.kind != YamlValue::Kind::sequence) {
      problems_.add(value.place, path + ": expected a list of tensors and loops, received " + describe(value) + ".");
      return items;
    }
    for (size_t i = 0; i < value.items.size(); ++i) {
      YamlMap map(value.items[i], path + "[" + std::to_string(i) + "]", problems_);
      items.push_back(map.has("for") ? loop(map) : TemplateItem{tensor(map), {}, {}});
      map.finish();
    }
    return items;
  }

 private:
  TemplateItem loop(YamlMap& map) {
    TemplateItem item;
    YamlMap ranges = map.map("for");
    for (const auto& variable : ranges.keys()) item.ranges.push_back(range(ranges, variable));
    if (item.ranges.empty()) map.problem("for", "expected a variable and its range, as in {i: 0..depth-1}.");
    if (const YamlValue* tensors = map.value("tensors"))
      item.items = list(*tensors, map.path() + ".tensors");
    else
      problems_.add(map.place(), map.path() + ".tensors is missing: expected the list that the loop repeats.");
    return item;
  }

  TemplateItem::Range range(YamlMap& ranges, const std::string& variable) {
    const TextTemplate text = text_at(ranges, variable);
    const size_t dots = text.text.find("..");
    if (!is_variable(variable))
      ranges.problem(variable, "a loop variable is a letter followed by letters, digits and '_'.");
    else if (dots == std::string::npos && !text.text.empty())
      ranges.problem(variable, "expected first..last (both included), received '" + text.text + "'.");
    if (dots == std::string::npos) return {variable, text, text};
    return {variable, {text.text.substr(0, dots), text.place}, {text.text.substr(dots + 2), text.place}};
  }

  TensorTemplate tensor(YamlMap& map) {
    TensorTemplate result;
    result.place = map.place();
    result.name = text_at(map, "name");
    result.block = text_at(map, "block", "");
    result.fixed.kind = *find_kind(map.text("kind", kind_words(), "parameter"));
    result.fixed.role = *find_role(map.text("role", role_words(), "weight"));
    for (const auto& letter : map.texts("slots", {"o", "i", "x"}, std::vector<std::string>{}))
      result.fixed.slots.push_back(*find_slot(letter));
    result.shape = list_at(map, "shape", true);
    result.tied = list_at(map, "tied", false);
    if (map.has("stack")) {
      YamlMap stack = map.map("stack");
      result.stack.emplace(text_at(stack, "over"), text_at(stack, "of"));
      stack.finish();
    }
    if (map.has("views")) {
      read_views(map, result);
      if (map.has("axes")) map.problem("views", "a tensor has either 'axes' or 'views'.");
      map.value("axes");
    } else {
      result.axes = axes_at(map);
    }
    return result;
  }

  void read_views(YamlMap& map, TensorTemplate& result) {
    const YamlValue* views = map.value("views");
    if (views->kind != YamlValue::Kind::sequence || views->items.empty()) {
      map.problem("views", "expected a list of {slice: {axis, start, stop}, axes}, received " + describe(*views) + ".");
      return;
    }
    for (size_t i = 0; i < views->items.size(); ++i) {
      YamlMap view(views->items[i], map.path() + ".views[" + std::to_string(i) + "]", problems_);
      YamlMap slice = view.map("slice");
      result.views.push_back(
          {number_at(slice, "axis"), number_at(slice, "start"), number_at(slice, "stop"), axes_at(view)});
      slice.finish();
      view.finish();
    }
  }

  YamlProblems& problems_;
};

// ---- expanding ----------------------------------------------------------------------------------------------------

class Expander {
 public:
  Expander(Variables variables, YamlProblems& problems) : variables_(std::move(variables)), problems_(problems) {}

  std::vector<TensorDescription> run(const std::vector<TemplateItem>& items) {
    expand(items);
    return std::move(tensors_);
  }

 private:
  void expand(const std::vector<TemplateItem>& items) {
    for (const auto& item : items) {
      if (stopped_) return;
      if (item.tensor)
        add(*item.tensor);
      else
        loop(item, 0);
    }
  }

  void loop(const TemplateItem& item, size_t depth) {
    if (depth == item.ranges.size()) return expand(item.items);
    const auto& range = item.ranges[depth];
    if (variables_.contains(range.variable)) {
      problems_.add(range.first.place,
                    "'" + range.variable + "' is already an option or the variable of an outer loop.");
      return;
    }
    const auto first = number(range.first);
    const auto last = number(range.last);
    if (!first || !last) return;
    for (int64_t i = *first; i <= *last && !stopped_; ++i) {
      if (++rounds_ > kMostRounds) return stop(range.first.place, "loops run more than 1,000,000 rounds.");
      variables_[range.variable] = i;
      loop(item, depth + 1);
      if (i == *last) break;  // the largest integer has no successor
    }
    variables_.erase(range.variable);
  }

  void add(const TensorTemplate& tensor) {
    if (tensors_.size() >= kMostTensors) return stop(tensor.place, "the description has more than 100,000 tensors.");
    TensorDescription result = tensor.fixed;
    result.name = text(tensor.name);
    result.block = text(tensor.block);
    result.axes = text(tensor.axes);
    for (const auto& length : tensor.shape) result.shape.push_back(number(length).value_or(1));
    for (const auto& copy : tensor.tied) result.tied.push_back(tensor.stack ? element_text(copy) : text(copy));
    if (tensor.stack) result.stack = StackDescription{text(tensor.stack->first), element_text(tensor.stack->second)};
    for (const auto& [axis, start, stop, axes] : tensor.views)
      result.views.push_back(
          {number(axis).value_or(0), number(start).value_or(0), number(stop).value_or(1), text(axes)});
    tensors_.push_back(std::move(result));
  }

  std::string text(const TextTemplate& written) {
    try {
      return substitute_expressions(written.text, variables_);
    } catch (const SpecError& error) {
      problems_.add(written.place, without_component(error.what()));
      return written.text;
    }
  }

  // Names of a stack's elements keep "{i}", the position.
  std::string element_text(const TextTemplate& written) {
    if (variables_.contains("i")) {
      problems_.add(written.place,
                    "'{i}' is the position in the stack, but 'i' is a variable here, too. Rename the variable.");
      return written.text;
    }
    const std::string mark = "{i}";
    std::string result;
    size_t at = 0;
    for (size_t next = written.text.find(mark); next != std::string::npos; next = written.text.find(mark, at)) {
      result += text({written.text.substr(at, next - at), written.place}) + mark;
      at = next + mark.size();
    }
    return result + text({written.text.substr(at), written.place});
  }

  std::optional<int64_t> number(const TextTemplate& written) {
    try {
      return evaluate_expression(substitute_expressions(written.text, variables_), variables_);
    } catch (const SpecError& error) {
      problems_.add(written.place, without_component(error.what()));
      return {};
    }
  }

  void stop(const std::string& place, const std::string& message) {
    problems_.add(place, message);
    stopped_ = true;
  }

  Variables variables_;
  YamlProblems& problems_;
  std::vector<TensorDescription> tensors_;
  int64_t rounds_ = 0;
  bool stopped_ = false;
};

}  // namespace

std::vector<TemplateItem> read_template(const YamlValue& tensors, YamlProblems& problems) {
  return TemplateReader(problems).list(tensors, "tensors");
}

std::vector<TensorDescription> expand_template(const std::vector<TemplateItem>& items, const Variables& variables,
                                               YamlProblems& problems) {
  return Expander(variables, problems).run(items);
}

}  // namespace nfopt
