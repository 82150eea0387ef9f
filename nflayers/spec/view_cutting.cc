#include <nfopt/nflayers/spec/view_cutting.h>

#include <algorithm>

namespace nfopt {
namespace {

constexpr size_t kMostViews = 4096;

struct PartFactor {
  const AxisFactor* factor;
  int64_t stride;
};

// One alternative of an axis: a run of factors that starts `offset` entries from the axis' beginning.
struct Part {
  int64_t offset = 0;
  std::vector<PartFactor> factors;
};

struct TooManyViews {};

int64_t length_of(const AxisConcat& concat, const std::vector<Label>& labels);

int64_t length_of(const AxisProduct& product, const std::vector<Label>& labels) {
  if (product.factor) return labels[static_cast<size_t>(product.factor->label)].size;
  int64_t length = 1;
  for (const auto& entry : product.entries) length *= length_of(entry, labels);
  return length;
}

int64_t length_of(const AxisConcat& concat, const std::vector<Label>& labels) {
  int64_t length = 0;
  for (const auto& product : concat.parts) length += length_of(product, labels);
  return length;
}

std::vector<Part> parts_of(const AxisConcat& concat, const std::vector<Label>& labels);

// Row-major: an entry's stride is the length of everything after it.
std::vector<Part> parts_of(const AxisProduct& product, const std::vector<Label>& labels) {
  if (product.factor) return {{0, {{&*product.factor, 1}}}};
  std::vector<Part> combined{Part{}};
  int64_t stride = length_of(product, labels);
  for (size_t i = 0; i < product.entries.size(); ++i) {
    stride /= length_of(product.entries[i], labels);
    const std::vector<Part> choices = parts_of(product.entries[i], labels);
    if (combined.size() * choices.size() > kMostViews) throw TooManyViews{};
    std::vector<Part> next;
    for (const auto& left : combined)
      for (const auto& right : choices) {
        Part both = left;
        both.offset += right.offset * stride;
        for (const auto& [factor, inner] : right.factors) both.factors.push_back({factor, inner * stride});
        next.push_back(std::move(both));
      }
    combined = std::move(next);
  }
  return combined;
}

std::vector<Part> parts_of(const AxisConcat& concat, const std::vector<Label>& labels) {
  std::vector<Part> all;
  int64_t start = 0;
  for (const auto& product : concat.parts) {
    for (auto& part : parts_of(product, labels)) {
      part.offset += start;
      all.push_back(std::move(part));
    }
    start += length_of(product, labels);
    if (all.size() > kMostViews) throw TooManyViews{};
  }
  return all;
}

class ViewCutter {
 public:
  ViewCutter(const TensorSyntax& tensor, int source, const std::vector<Label>& labels, ProblemList& problems)
      : tensor_(tensor), source_(source), labels_(labels), problems_(problems) {}

  std::vector<View> run() {
    try {
      for (const auto& axes : tensor_.parts) cut(axes);
    } catch (const TooManyViews&) {
      problems_.add("'" + tensor_.name + "' falls into more than " + std::to_string(kMostViews) +
                    " views: every '|' multiplies them.");
      return {};
    }
    for (size_t i = 0; i < views_.size(); ++i) {
      views_[i].name = tensor_.name + (views_.size() > 1 ? "#" + std::to_string(i) : "");
      const size_t before = complaints_;
      find_parents(views_[i], *axes_[i], written_[i]);
      if (complaints_ > before) break;  // the views of one expression fail alike
    }
    return std::move(views_);
  }

 private:
  void cut(const AxesSyntax& axes) {
    View empty;
    empty.source = source_;
    std::vector<View> views{empty};
    std::vector<std::vector<const AxisFactor*>> written{{}};
    for (size_t axis = 0; axis < axes.expression.axes.size(); ++axis) {
      const std::vector<Part> parts = parts_of(axes.expression.axes[axis], labels_);
      if (views.size() * parts.size() + views_.size() > kMostViews) throw TooManyViews{};
      const int64_t start = static_cast<int>(axis) == axes.slice_axis ? axes.start : 0;
      std::vector<View> next;
      std::vector<std::vector<const AxisFactor*>> next_written;
      for (size_t v = 0; v < views.size(); ++v)
        for (const auto& part : parts) {
          next.push_back(views[v]);
          next_written.push_back(written[v]);
          next.back().axis_offsets.push_back(start + part.offset);
          for (const auto& [factor, stride] : part.factors) {
            const int64_t size = labels_[static_cast<size_t>(factor->label)].size;
            next.back().factors.push_back({factor->label, -1, size, static_cast<int>(axis), stride});
            next_written.back().push_back(factor);
          }
        }
      views = std::move(next);
      written = std::move(next_written);
    }
    for (size_t v = 0; v < views.size(); ++v) {
      views_.push_back(std::move(views[v]));
      axes_.push_back(&axes);
      written_.push_back(std::move(written[v]));
    }
  }

  void find_parents(View& view, const AxesSyntax& axes, const std::vector<const AxisFactor*>& written) {
    for (size_t f = 0; f < view.factors.size(); ++f) {
      if (!written[f]->parent) continue;
      const int parent = labels_[static_cast<size_t>(view.factors[f].label)].parent;
      std::vector<int> in_view;
      std::vector<int> in_part;
      for (size_t k = 0; k < view.factors.size(); ++k) {
        if (view.factors[k].label != parent) continue;
        in_view.push_back(static_cast<int>(k));
        if (view.factors[k].axis == view.factors[f].axis) in_part.push_back(static_cast<int>(k));
      }
      view.factors[f].parent_factor =
          choose(*written[f], in_view, in_part, view.name, place(tensor_, axes, *written[f]));
    }
  }

  int choose(const AxisFactor& factor, const std::vector<int>& in_view, const std::vector<int>& in_part,
             const std::string& view, const std::string& where) {
    const std::string parent = std::string(sigil(factor.parent->type)) + factor.parent->name;
    const std::string count = std::to_string(in_view.size());
    const int occurrence = factor.parent->occurrence;
    if (in_view.empty())
      return complain(
          "'" + to_text(factor) + "' at " + where + ": view '" + view + "' holds no '" + parent +
          "'. A nested factor needs its parent in the same view: every index of it has an own permutation.");
    if (occurrence >= 0) {
      if (occurrence < static_cast<int>(in_view.size())) return in_view[static_cast<size_t>(occurrence)];
      return complain("'" + to_text(factor) + "' at " + where + ": view '" + view + "' holds '" + parent + "' " +
                      count + (in_view.size() == 1 ? " time" : " times") + ". Occurrences count from .0.");
    }
    if (in_part.size() == 1) return in_part.front();
    if (in_view.size() == 1) return in_view.front();
    return complain(
        "'" + to_text(factor) + "' at " + where + ": view '" + view + "' holds '" + parent + "' " + count + " times" +
        (in_part.empty() ? ", none in the same part" : ", " + std::to_string(in_part.size()) + " in the same part") +
        ". Say which by its occurrence, e.g. '" + factor.name + "@" + parent + ".0'.");
  }

  int complain(std::string text) {
    problems_.add(std::move(text));
    ++complaints_;
    return -1;
  }

  const TensorSyntax& tensor_;
  int source_;
  const std::vector<Label>& labels_;
  ProblemList& problems_;
  std::vector<View> views_;
  std::vector<const AxesSyntax*> axes_;                  // per view, where it comes from
  std::vector<std::vector<const AxisFactor*>> written_;  // per view and factor, as the author wrote it
  size_t complaints_ = 0;
};

}  // namespace

std::vector<View> cut_views(const TensorSyntax& tensor, int source, const std::vector<Label>& labels,
                            ProblemList& problems) {
  return ViewCutter(tensor, source, labels, problems).run();
}

}  // namespace nfopt
