#include <nfopt/nflayers/spec/axis_parser.h>
#include <nfopt/nflayers/spec/tensor_syntax.h>

#include <algorithm>

namespace nfopt {
namespace {

std::vector<Slot> default_slots(Role role, size_t rank) {
  std::vector<Slot> slots(rank, Slot::output);
  if (role == Role::weight)
    for (size_t axis = 1; axis < rank; ++axis) slots[axis] = axis == 1 ? Slot::input : Slot::neither;
  return slots;
}

class TensorReader {
 public:
  TensorReader(const TensorDescription& description, ProblemList& problems)
      : description_(description), problems_(problems) {
    syntax_.name = description.name;
  }

  TensorSyntax run() {
    if (description_.name.empty()) fail("a tensor has no name");
    if (description_.axes.empty() == description_.views.empty())
      fail(description_.axes.empty() ? "expected 'axes' or 'views', received neither"
                                     : "expected 'axes' or 'views', received both");
    if (!failed_) read_expressions();
    if (!failed_) check_shape();
    if (!failed_) check_cover();
    if (!failed_) read_slots();
    read_stack();
    if (failed_) syntax_.parts.clear();
    return std::move(syntax_);
  }

 private:
  void fail(const std::string& what) {
    failed_ = true;
    problems_.add(as_sentence("'" + description_.name + "': " + what));
  }

  void read_expression(const std::string& text, AxesSyntax axes) {
    try {
      axes.expression = parse_axes(text);
      axes.text = to_text(axes.expression);
      syntax_.parts.push_back(std::move(axes));
    } catch (const AxisSyntaxError& error) {
      fail(error.sentence());
    }
  }

  void read_expressions() {
    if (description_.views.empty()) {
      read_expression(description_.axes, {});
      return;
    }
    for (const auto& slice : description_.views) {
      if (slice.axis < 0 || slice.axis > 64 || slice.start < 0 || slice.stop <= slice.start) {
        fail("slice of axis " + std::to_string(slice.axis) + " from " + std::to_string(slice.start) + " to " +
             std::to_string(slice.stop) + ": expected axis >= 0 and 0 <= start < stop (stop is exclusive)");
        continue;
      }
      AxesSyntax axes;
      axes.slice_axis = static_cast<int>(slice.axis);
      axes.start = slice.start;
      axes.stop = slice.stop;
      read_expression(slice.axes, std::move(axes));
    }
  }

  void check_shape() {
    const size_t rank = syntax_.parts.front().expression.axes.size();
    for (const auto& axes : syntax_.parts)
      if (axes.expression.axes.size() != rank)
        fail("slices disagree about the rank: \"" + syntax_.parts.front().text + "\" has " + std::to_string(rank) +
             " axes, \"" + axes.text + "\" has " + std::to_string(axes.expression.axes.size()));
    syntax_.shape = description_.shape;
    if (syntax_.shape.empty()) syntax_.shape.assign(rank, 0);
    if (syntax_.shape.size() != rank)
      fail("axes \"" + syntax_.parts.front().text + "\" describe " + std::to_string(rank) +
           " axes, but the shape has " + std::to_string(syntax_.shape.size()) +
           ". Write one entry per axis of the tensor, '*1' for an axis of length 1");
    for (const int64_t size : description_.shape)
      if (size < 1) fail("a length of " + std::to_string(size) + " in the shape: expected lengths of at least 1");
  }

  // Slices of one axis, end to end: any other arrangement of slices along single axes overlaps or leaves a gap.
  void check_cover() {
    if (description_.views.empty()) return;
    const int axis = syntax_.parts.front().slice_axis;
    if (axis >= static_cast<int>(syntax_.shape.size())) {
      fail("slices cut axis " + std::to_string(axis) + ", but the tensor has " + std::to_string(syntax_.shape.size()) +
           " axes");
      return;
    }
    std::vector<std::pair<int64_t, int64_t>> ranges;
    for (const auto& axes : syntax_.parts) {
      if (axes.slice_axis != axis) {
        fail("slices cut axis " + std::to_string(axis) + " and axis " + std::to_string(axes.slice_axis) +
             ", so that some entries are covered twice or not at all. Cut one axis");
        return;
      }
      ranges.emplace_back(axes.start, axes.stop);
    }
    std::sort(ranges.begin(), ranges.end());
    int64_t covered = 0;
    for (const auto& [start, stop] : ranges) {
      if (start != covered) {
        fail("slices of axis " + std::to_string(axis) + (start > covered ? " leave out " : " cover twice ") +
             std::to_string(std::min(start, covered)) + ".." + std::to_string(std::max(start, covered)) +
             " (exclusive). Views cover a tensor exactly once");
        return;
      }
      covered = stop;
    }
    int64_t& length = syntax_.shape[static_cast<size_t>(axis)];
    if (length == 0) length = covered;
    if (length != covered)
      fail("slices cover 0.." + std::to_string(covered) + " of axis " + std::to_string(axis) +
           ", but the shape says its length is " + std::to_string(length) + ". Views cover a tensor exactly once");
  }

  void read_slots() {
    const size_t rank = syntax_.shape.size();
    syntax_.slots = description_.slots.empty() ? default_slots(description_.role, rank) : description_.slots;
    const size_t given = syntax_.slots.size();
    if (given == rank) {
      // `over` numbers equal units (experts, heads): units written, unless the author lists its slot as well.
      if (description_.stack) syntax_.slots.insert(syntax_.slots.begin(), Slot::output);
    } else if (!description_.stack || given != rank + 1) {
      fail(std::to_string(given) + " slots for " + std::to_string(rank) + " axes. Write one of o, i, x per axis");
    }
  }

  void read_stack() {
    if (!description_.stack) return;
    syntax_.stacked = true;
    try {
      syntax_.over = parse_axis_factor(description_.stack->over);
      syntax_.over.column = 0;
    } catch (const AxisSyntaxError& error) {
      fail("the `over` of the stack: " + error.sentence());
    }
    if (description_.stack->of.find("{i}") == std::string::npos)
      fail("the `of` of the stack, \"" + description_.stack->of +
           "\", lacks '{i}', the position of the element. Write e.g. \"experts.{i}.up.weight\"");
    for (const auto& copy : description_.tied)
      if (copy.find("{i}") == std::string::npos)
        fail("tied \"" + copy + "\" lacks '{i}': every element of a stack has its own copy");
    if (failed_) return;
    for (auto& axes : syntax_.parts) {
      AxisProduct leading;
      leading.factor = syntax_.over;
      axes.expression.axes.insert(axes.expression.axes.begin(), AxisConcat{{leading}});
      if (axes.slice_axis >= 0) ++axes.slice_axis;
    }
    syntax_.shape.insert(syntax_.shape.begin(), 0);
  }

  const TensorDescription& description_;
  ProblemList& problems_;
  TensorSyntax syntax_;
  bool failed_ = false;
};

}  // namespace

TensorSyntax read_tensor(const TensorDescription& description, ProblemList& problems) {
  return TensorReader(description, problems).run();
}

std::string place(const TensorSyntax& tensor, const AxesSyntax& axes) {
  constexpr size_t kLongest = 160;  // a name per factor: messages about hostile input stay small
  const bool is_long = axes.text.size() > kLongest;
  return "'" + tensor.name + "' \"" + (is_long ? axes.text.substr(0, kLongest) + ".." : axes.text) + "\"";
}

std::string place(const TensorSyntax& tensor, const AxesSyntax& axes, const AxisFactor& factor) {
  return (factor.column > 0 ? "column " + std::to_string(factor.column) : "`over`") + " of " + place(tensor, axes);
}

std::string place(const TensorSyntax& tensor, const AxesSyntax& axes, size_t axis) {
  if (tensor.stacked && axis == 0) return "the stack of " + place(tensor, axes);
  return "axis " + std::to_string(axis - (tensor.stacked ? 1 : 0)) + " of " + place(tensor, axes);
}

}  // namespace nfopt
