#include <nfopt/nflayers/spec/error.h>
#include <nfopt/nflayers/spec/expression.h>
#include <nfopt/runtime/io/template_recognition.h>
#include <nfopt/runtime/plugin/recognition.h>

#include <algorithm>
#include <cctype>
#include <set>

namespace nfopt {
namespace {

using Shapes = std::map<std::string, std::vector<int64_t>, std::less<>>;

constexpr int64_t kMostRounds = 100'000;       // of a loop whose tensors all exist
constexpr int64_t kProbe = 720'720;            // divisible by 1..16: "width/8" has a value there
constexpr int64_t kLargestSearchedFor = 4096;  // when an equation is not linear

std::set<std::string> names_in(const std::string& expression) {
  std::set<std::string> names;
  for (size_t at = 0; at < expression.size();) {
    size_t end = at;
    while (end < expression.size() &&
           (std::isalnum(static_cast<unsigned char>(expression[end])) || expression[end] == '_'))
      ++end;
    if (end > at && !std::isdigit(static_cast<unsigned char>(expression[at])))
      names.insert(expression.substr(at, end - at));
    at = std::max(end, at + 1);
  }
  return names;
}

class Solver {
 public:
  /// `overshoot`: a last layer that carries the loop's pattern ("layers.{depth}" behind "layers.{i}" for i < depth)
  /// makes a loop look one round longer than it is.
  Solver(std::set<std::string> unknown, const Shapes& shapes, int64_t overshoot)
      : unknown_(std::move(unknown)), shapes_(shapes), overshoot_(overshoot) {}

  /// Solves what can be solved; true when something new was found.
  bool pass(const std::vector<TemplateItem>& items) {
    const size_t before = solved_.size();
    Variables scope = solved_;
    visit(items, scope);
    return solved_.size() > before;
  }

  void assume(const std::string& name, int64_t value) { set(name, value); }
  const Variables& solved() const { return solved_; }
  const std::set<std::string>& unknown() const { return unknown_; }

 private:
  void visit(const std::vector<TemplateItem>& items, Variables& scope) {
    for (const auto& item : items) {
      if (item.tensor)
        visit(*item.tensor, scope);
      else
        visit_loop(item, 0, scope);
    }
  }

  void visit(const TensorTemplate& tensor, const Variables& scope) {
    const auto* shape = find(tensor, scope);
    if (shape == nullptr || shape->size() != tensor.shape.size()) return;
    for (size_t axis = 0; axis < shape->size(); ++axis) solve(tensor.shape[axis].text, scope, (*shape)[axis]);
    if (tensor.stack) visit_stack(*tensor.stack, scope);
  }

  void visit_stack(const std::pair<TextTemplate, TextTemplate>& stack, const Variables& scope) {
    const auto size = stack.first.text.find('=');
    if (size == std::string::npos) return;
    int64_t elements = 0;
    while (elements < kMostRounds && element(stack.second.text, scope, elements) != nullptr) ++elements;
    solve(stack.first.text.substr(size + 1), scope, elements);
  }

  void visit_loop(const TemplateItem& item, size_t depth, Variables& scope) {
    if (depth == item.ranges.size()) return visit(item.items, scope);
    const auto& range = item.ranges[depth];
    const auto first = value(range.first.text, scope);
    if (!first || scope.contains(range.variable)) return;
    auto last = value(range.last.text, scope);
    if (!last) {
      last = *first - 1;
      while (*last - *first < kMostRounds) {
        scope[range.variable] = *last + 1;
        if (!exists(item, depth + 1, scope)) break;
        ++*last;
      }
      if (*last >= *first) *last -= overshoot_;
      scope.erase(range.variable);
      solve(range.last.text, scope, *last);
    }
    for (int64_t i = *first; i <= *last && i - *first < kMostRounds; ++i) {
      scope[range.variable] = i;
      visit_loop(item, depth + 1, scope);
    }
    scope.erase(range.variable);
  }

  // Some tensor of one round is there. Inner loops are looked at in their first round.
  bool exists(const TemplateItem& item, size_t depth, Variables scope) const {
    for (; depth < item.ranges.size(); ++depth) {
      const auto first = value(item.ranges[depth].first.text, scope);
      if (!first) return false;
      scope[item.ranges[depth].variable] = *first;
    }
    return std::any_of(item.items.begin(), item.items.end(), [&](const TemplateItem& inner) {
      return inner.tensor ? find(*inner.tensor, scope) != nullptr : exists(inner, 0, scope);
    });
  }

  const std::vector<int64_t>* find(const TensorTemplate& tensor, const Variables& scope) const {
    if (tensor.stack) return element(tensor.stack->second.text, scope, 0);
    return find(tensor.name.text, scope);
  }

  const std::vector<int64_t>* element(const std::string& of, Variables scope, int64_t i) const {
    scope["i"] = i;
    return find(of, scope);
  }

  const std::vector<int64_t>* find(const std::string& name, const Variables& scope) const {
    try {
      const auto found = shapes_.find(substitute_expressions(name, scope));
      return found == shapes_.end() ? nullptr : &found->second;
    } catch (const SpecError&) {
      return nullptr;  // an option of the name is not known yet
    }
  }

  static std::optional<int64_t> value(std::string text, const Variables& scope) {
    // "{a}*b" and "a*b" are the same here; brackets keep what belongs together.
    std::replace(text.begin(), text.end(), '{', '(');
    std::replace(text.begin(), text.end(), '}', ')');
    try {
      return evaluate_expression(text, scope);
    } catch (const SpecError&) {
      return {};
    }
  }

  void solve(const std::string& expression, const Variables& scope, int64_t target) {
    std::string name;
    for (const auto& candidate : names_in(expression)) {
      if (!unknown_.contains(candidate) || scope.contains(candidate)) continue;
      if (!name.empty()) return;  // two unknowns: another equation may give one of them
      name = candidate;
    }
    if (name.empty()) return;
    Variables trial = scope;
    const auto at = [&](int64_t x) {
      trial[name] = x;
      return value(expression, trial);
    };
    const auto zero = at(0), probe = at(kProbe);
    if (zero && probe && *probe != *zero) {
      const __int128 steps = static_cast<__int128>(target - *zero) * kProbe;
      if (steps % (*probe - *zero) == 0) {
        const auto x = static_cast<int64_t>(steps / (*probe - *zero));
        if (at(x) == target) return set(name, x);
      }
    }
    for (int64_t x = 1; x <= kLargestSearchedFor; ++x)
      if (at(x) == target) return set(name, x);
  }

  void set(const std::string& name, int64_t value) {
    solved_.emplace(name, value);
    unknown_.erase(name);
  }

  std::set<std::string> unknown_;
  const Shapes& shapes_;
  int64_t overshoot_;
  Variables solved_;
};

std::optional<std::map<std::string, OptionValue>> solve(const ArchitectureInfo& info,
                                                        const std::vector<TemplateItem>& items, const Shapes& shapes,
                                                        int64_t overshoot) {
  std::set<std::string> names;
  for (const auto& option : info.options) names.insert(option.name);
  Solver solver(names, shapes, overshoot);
  while (solver.pass(items)) {
  }
  std::map<std::string, OptionValue> result;
  const auto take_solved = [&] {
    for (const auto& option : info.options) {
      const auto found = solver.solved().find(option.name);
      if (found == solver.solved().end() || result.contains(option.name)) continue;
      if (option.type == Option::Type::boolean)
        result[option.name] = found->second != 0;
      else
        result[option.name] = found->second;
    }
  };
  take_solved();
  // "heads*head_width" = 64 has two unknowns; with the default of one of them it has a solution.
  for (const auto& option : info.options) {
    if (!solver.unknown().contains(option.name)) continue;
    if (option.required) return std::nullopt;
    solver.assume(option.name, option.type == Option::Type::boolean
                                   ? static_cast<int64_t>(std::get<bool>(option.fallback))
                                   : std::get<int64_t>(option.fallback));
    result[option.name] = option.fallback;
    while (solver.pass(items)) {
    }
    take_solved();
  }
  return result;
}

}  // namespace

std::optional<std::map<std::string, OptionValue>> recognize_template(const Architecture& architecture,
                                                                     const std::vector<TemplateItem>& items,
                                                                     const NamedShapes& shapes) {
  const ArchitectureInfo info = architecture.info();
  const Shapes by_name(shapes.begin(), shapes.end());
  if (by_name.size() != shapes.size()) return std::nullopt;
  for (const int64_t overshoot : {0, 1}) {
    const auto options = solve(info, items, by_name, overshoot);
    if (options && describes(architecture, *options, shapes)) return options;
  }
  return std::nullopt;
}

}  // namespace nfopt
