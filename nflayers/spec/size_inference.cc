#include <nfopt/nflayers/spec/size_inference.h>

#include <algorithm>
#include <optional>
#include <set>

namespace nfopt {
namespace {

constexpr int64_t kLargest = int64_t{1} << 60;  // entries of a tensor; products stay clear of overflow

// constant + coefficient * size(label), or a reason why the length has no such form.
struct Length {
  int64_t constant = 0;
  int64_t coefficient = 0;
  int label = -1;
  bool tangled = false;  // two open labels, or the square of one
  bool too_large = false;

  bool known() const { return label < 0 && !tangled && !too_large; }
};

bool multiply(int64_t& a, int64_t b) { return !__builtin_mul_overflow(a, b, &a) && a <= kLargest; }
bool add(int64_t& a, int64_t b) { return !__builtin_add_overflow(a, b, &a) && a <= kLargest; }

Length operator+(Length a, const Length& b) {
  a.tangled = a.tangled || b.tangled || (a.label >= 0 && b.label >= 0 && a.label != b.label);
  a.too_large = a.too_large || b.too_large || !add(a.constant, b.constant) || !add(a.coefficient, b.coefficient);
  if (a.label < 0) a.label = b.label;
  return a;
}

Length operator*(Length a, Length b) {
  if (a.label < 0) std::swap(a, b);  // now b is the known one, if any is
  a.tangled = a.tangled || b.tangled || (a.label >= 0 && b.label >= 0);
  a.too_large = a.too_large || b.too_large || !multiply(a.constant, b.constant) || !multiply(a.coefficient, b.constant);
  return a;
}

struct Equation {
  TensorSyntax* tensor;
  AxesSyntax* axes;
  size_t axis;

  const AxisConcat& concat() const { return axes->expression.axes[axis]; }
  bool sliced() const { return static_cast<int>(axis) == axes->slice_axis; }
  int64_t length() const { return sliced() ? axes->stop - axes->start : tensor->shape[axis]; }
  std::string where() const { return place(*tensor, *axes, axis); }
};

class SizeSolver {
 public:
  SizeSolver(std::vector<TensorSyntax>& tensors, std::vector<Label>& labels, ProblemList& problems)
      : tensors_(tensors),
        labels_(labels),
        problems_(problems),
        origin_(labels.size()),
        refused_(labels.size(), false) {}

  void run() {
    collect();
    for (bool changed = true; changed;) {
      changed = false;
      std::vector<Equation> open;
      for (auto& equation : equations_) {
        const Outcome outcome = solve(equation);
        if (outcome == Outcome::kWaits) open.push_back(equation);
        changed = changed || outcome == Outcome::kLearned;
      }
      equations_ = std::move(open);
    }
    report_open();
    check_totals();
  }

 private:
  enum class Outcome { kWaits, kLearned, kDone };

  void collect() {
    for (auto& tensor : tensors_) {
      for (auto& axes : tensor.parts)
        for (size_t axis = 0; axis < axes.expression.axes.size(); ++axis) {
          equations_.push_back({&tensor, &axes, axis});
          visit_factors(axes.expression.axes[axis],
                        [&](AxisFactor& factor) { state(factor.label, factor, place(tensor, axes, factor)); });
        }
    }
  }

  void state(int label, const AxisFactor& factor, const std::string& where) {
    if (!factor.size) return;
    Label& known = at(label);
    if (known.size == 0) {
      learn(label, *factor.size, where);
    } else if (known.size != *factor.size) {
      problems_.add("Size of " + title(label) + ": " + std::to_string(*factor.size) + " at " + where + ", but " +
                    std::to_string(known.size) + " at " + origin_[static_cast<size_t>(label)] + ".");
    }
  }

  Outcome solve(const Equation& equation) {
    const Length form = length_of(equation.concat());
    if (form.too_large) {
      problems_.add("The length of " + equation.where() + " is larger than 2^60.");
      refuse(equation);
      return Outcome::kDone;
    }
    if (form.tangled) return Outcome::kWaits;
    const int64_t length = equation.length();
    if (form.known()) {
      if (length == 0) {
        equation.tensor->shape[equation.axis] = form.constant;
        return Outcome::kLearned;
      }
      if (length != form.constant)
        problems_.add(capital(equation.where()) + " has length " + std::to_string(length) + ", but '" +
                      to_text(equation.concat()) + "' makes it " + std::to_string(form.constant) + sources(equation) +
                      ".");
      return Outcome::kDone;
    }
    if (length == 0) return Outcome::kWaits;
    if (length <= form.constant || (length - form.constant) % form.coefficient != 0) {
      problems_.add(capital(equation.where()) + " has length " + std::to_string(length) + ", but no size of " +
                    title(form.label) + " gives it: '" + to_text(equation.concat()) + "' is " +
                    (form.constant ? std::to_string(form.constant) + " + " : "") + std::to_string(form.coefficient) +
                    " * " + title(form.label) + sources(equation) + ".");
      refuse(equation);
      return Outcome::kDone;
    }
    learn(form.label, (length - form.constant) / form.coefficient,
          equation.where() + " (length " + std::to_string(length) + ")");
    return Outcome::kLearned;
  }

  Length length_of(const AxisConcat& concat) const {
    Length total;
    for (const auto& product : concat.parts) {
      if (product.factor) {
        const int64_t size = labels_[static_cast<size_t>(product.factor->label)].size;
        total = total + (size ? Length{size, 0, -1} : Length{0, 1, product.factor->label});
        continue;
      }
      Length block{1, 0, -1};
      for (const auto& entry : product.entries) block = block * length_of(entry);
      total = total + block;
    }
    return total;
  }

  // " (h = 4 at .., k = 2 at ..)": the second place of a contradiction.
  std::string sources(const Equation& equation) const {
    std::string text;
    std::set<int> seen;
    visit_factors(equation.concat(), [&](const AxisFactor& factor) {
      if (labels_[static_cast<size_t>(factor.label)].size == 0 || !seen.insert(factor.label).second) return;
      text += (text.empty() ? " (" : "; ") + title(factor.label) + " = " +
              std::to_string(labels_[static_cast<size_t>(factor.label)].size) + " by " +
              origin_[static_cast<size_t>(factor.label)];
    });
    return text.empty() ? text : text + ")";
  }

  std::vector<int> open_labels(const Equation& equation) const {
    std::vector<int> open;
    std::set<int> seen;
    visit_factors(equation.concat(), [&](const AxisFactor& factor) {
      if (labels_[static_cast<size_t>(factor.label)].size == 0 && seen.insert(factor.label).second)
        open.push_back(factor.label);
    });
    return open;
  }

  void report_open() {
    constexpr size_t kMost = 20;  // a page of messages; each one searches the others
    std::set<std::vector<int>> reported;
    for (size_t i = 0; i < equations_.size(); ++i) {
      const std::vector<int> open = open_labels(equations_[i]);
      const auto is_refused = [&](int label) { return refused_[static_cast<size_t>(label)]; };
      if (std::any_of(open.begin(), open.end(), is_refused) || !reported.insert(open).second) continue;
      problems_.add(open_problem(equations_[i], open, i));
      if (reported.size() == kMost) return;
    }
  }

  std::string open_problem(const Equation& equation, const std::vector<int>& open, size_t index) const {
    constexpr size_t kMostNames = 8;
    std::string names;
    for (size_t k = 0; k < open.size() && k < kMostNames; ++k)
      names += (k == 0 ? "" : k + 1 == open.size() ? " and " : ", ") + title(open[k]);
    if (open.size() > kMostNames) names += " and " + std::to_string(open.size() - kMostNames) + " more";
    const int64_t length = equation.length();
    std::string text = (open.size() > 1 ? "Sizes of " : "Size of ") + names + " unknown: " + equation.where();
    text += length ? " has length " + std::to_string(length) : " has no stated length";
    // The other place that leaves the same label open.
    for (size_t j = 0; j < equations_.size(); ++j) {
      if (j == index) continue;
      const std::vector<int> others = open_labels(equations_[j]);
      if (std::find_first_of(others.begin(), others.end(), open.begin(), open.end()) == others.end()) continue;
      text += ", and " + equations_[j].where() + " leaves it open as well";
      break;
    }
    text += ". ";
    const std::string example = example_size(equation, open.front());
    if (!length) return text + "State the shape of '" + equation.tensor->name + "', or a size: '" + example + "'.";
    return text + (open.size() > 1
                       ? "A product or concat has at most one unknown: state the others, e.g. '" + example + "'."
                       : "'" + to_text(equation.concat()) + "' holds it more than once: state '" + example + "'.");
  }

  std::string example_size(const Equation& equation, int label) const {
    std::string text;
    visit_factors(equation.concat(), [&](const AxisFactor& factor) {
      if (text.empty() && factor.label == label) text = to_text(factor) + "=SIZE";
    });
    return text;
  }

  // Every tensor must be countable: numel of the source fits comfortably.
  void check_totals() {
    for (const auto& tensor : tensors_) {
      int64_t total = 1;
      bool fits = true;
      for (const int64_t size : tensor.shape) fits = fits && multiply(total, std::max<int64_t>(size, 1));
      if (!fits) problems_.add("'" + tensor.name + "' has more than 2^60 entries.");
    }
  }

  void learn(int label, int64_t size, const std::string& where) {
    at(label).size = size;
    origin_[static_cast<size_t>(label)] = where;
  }

  void refuse(const Equation& equation) {
    for (const int label : open_labels(equation)) refused_[static_cast<size_t>(label)] = true;
  }

  Label& at(int label) { return labels_[static_cast<size_t>(label)]; }

  std::string title(int label) const {
    const Label& known = labels_[static_cast<size_t>(label)];
    return known.name.empty() ? "a bare '*'" : "'" + std::string(sigil(known.type)) + known.name + "'";
  }

  static std::string capital(std::string text) {
    if (!text.empty() && text[0] >= 'a' && text[0] <= 'z') text[0] = static_cast<char>(text[0] - 'a' + 'A');
    return text;
  }

  std::vector<TensorSyntax>& tensors_;
  std::vector<Label>& labels_;
  ProblemList& problems_;
  std::vector<std::string> origin_;  // where a label's size comes from
  std::vector<bool> refused_;        // labels whose size has been complained about
  std::vector<Equation> equations_;
};

}  // namespace

void infer_sizes(std::vector<TensorSyntax>& tensors, std::vector<Label>& labels, ProblemList& problems) {
  SizeSolver(tensors, labels, problems).run();
}

}  // namespace nfopt
